/**
 * Decides what a far end does with one command: the first rule that applies and decides wins, rules
 * about the manner of the reply (slow, drip, twice, out of order) are gathered on the way. Magic
 * addresses come before the rules. Nothing here knows sockets.
 *
 * Source: RFC 6647 for greylisting.
 */
import type { Clock } from '../base/clock.ts';
import { parseDurationMs } from '../base/duration.ts';
import type { Random } from '../base/random.ts';
import type { FarEndMemory } from './far-end-memory.ts';
import { isFailing, linesOf, replyOf } from './far-end-reply.ts';
import type { FarEndReply, Filling } from './far-end-reply.ts';
import type { FarEndSpec, Rule, Scope, Stage } from './far-end-schema.ts';
import { matchesGlob } from './glob.ts';
import { magicRule } from './magic-addresses.ts';

export interface Asked {
  readonly stage: Stage;
  /** Address of the client. */
  readonly ip: string;
  readonly connectionId: string;
  /** Null before MAIL; empty for the null sender. */
  readonly sender: string | null;
  /** The one of this RCPT; at `data`, `content` and `dot` those that were accepted. */
  readonly recipients: readonly string[];
  /** What `{id}` stands for; a random one when absent. */
  readonly id?: string;
}

type Deed =
  | { readonly kind: 'proceed'; readonly text: readonly string[] | null }
  | { readonly kind: 'reply'; readonly reply: FarEndReply }
  | { readonly kind: 'hang'; readonly afterBytes: number }
  | { readonly kind: 'disconnect'; readonly how: 'close' | 'reset'; readonly afterBytes: number }
  | { readonly kind: 'garbage' };

export interface Decision {
  readonly deed: Deed;
  /** Real time before anything is said. */
  readonly waitMs: number;
  /** Real time between two bytes of the reply; 0: all at once. */
  readonly dripMs: number;
  readonly isTwice: boolean;
  /** The reply to the next command goes out before this one. */
  readonly isHeldBack: boolean;
  readonly closeAfter: 'close' | 'reset' | null;
}

/** All is well, in the usual manner. */
export const PLAIN: Decision = {
  deed: { kind: 'proceed', text: null },
  waitMs: 0,
  dripMs: 0,
  isTwice: false,
  isHeldBack: false,
  closeAfter: null,
};

const GREYLIST_DELAY_MS = 5 * 60_000;
const GREYLIST_REMEMBER_MS = 36 * 24 * 3_600_000;
const RATE_WINDOW_MS = 60_000;

export class Scenario {
  readonly spec: FarEndSpec;
  readonly #memory: FarEndMemory;
  readonly #mailClock: Clock;
  readonly #random: Random;

  /** @param random seeded: the same commands in the same order meet the same luck */
  constructor(spec: FarEndSpec, memory: FarEndMemory, mailClock: Clock, random: Random) {
    this.spec = spec;
    this.#memory = memory;
    this.#mailClock = mailClock;
    this.#random = random;
  }

  decide(asked: Asked): Decision {
    const manner = { waitMs: 0, dripMs: 0, isTwice: false, isHeldBack: false };
    let closeAfter: Decision['closeAfter'] = null;
    for (const rule of this.#rulesFor(asked)) {
      if (rule.at !== asked.stage || !this.#applies(rule, asked)) continue;
      if (rule.do === 'slow') manner.waitMs += durationMs(rule.wait, 0);
      else if (rule.do === 'drip') manner.dripMs = durationMs(rule.interval, 0);
      else if (rule.do === 'extra-reply') manner.isTwice = true;
      else if (rule.do === 'out-of-order') manner.isHeldBack = true;
      else if (rule.do === 'disconnect' && rule.moment === 'after-reply')
        closeAfter = rule.how ?? 'close';
      else {
        const deed = this.#deed(rule, asked);
        if (deed !== null) return { ...manner, closeAfter, deed };
      }
    }
    return { ...manner, closeAfter, deed: { kind: 'proceed', text: null } };
  }

  *#rulesFor(asked: Asked): Iterable<Rule> {
    if (this.spec.magic) {
      const addresses = asked.stage === 'mail' ? [asked.sender ?? ''] : asked.recipients;
      for (const address of addresses) {
        const rule = magicRule(asked.stage, address);
        if (rule !== null) yield rule;
      }
    }
    yield* this.spec.rules;
  }

  #applies(rule: Rule, asked: Asked): boolean {
    if (rule.from !== undefined && !matchesSender(rule.from, asked.sender)) return false;
    if (rule.to !== undefined && matching(rule, asked).length === 0) return false;
    if (rule.chance !== undefined && this.#random.next() >= rule.chance) return false;
    if (rule.times === undefined) return true;
    return this.#memory.countBefore(`times ${JSON.stringify(rule)}`) < rule.times;
  }

  /** Null: this rule lets the command through, later ones are asked. */
  #deed(rule: Rule, asked: Asked): Deed | null {
    switch (rule.do) {
      case 'accept':
        return {
          kind: 'proceed',
          text: rule.text === undefined ? null : linesOf(rule.text, this.#filling(asked)),
        };
      case 'hang':
        return { kind: 'hang', afterBytes: rule.afterBytes ?? 0 };
      case 'disconnect':
        return { kind: 'disconnect', how: rule.how ?? 'close', afterBytes: rule.afterBytes ?? 0 };
      case 'garbage':
        return { kind: 'garbage' };
      default:
        if (!isFailing(rule) || !this.#fails(rule, asked)) return null;
        return { kind: 'reply', reply: replyOf(rule, this.#filling(asked, rule)) };
    }
  }

  #fails(rule: Rule, asked: Asked): boolean {
    if (rule.do === 'reject') return true;
    const keys = [...new Set(keysOf(rule, asked))].map((key) => `${JSON.stringify(rule)} ${key}`);
    const now = this.#mailClock.now();
    // Every key is counted, also behind one that already failed.
    const failed = keys.filter((key) => {
      if (rule.do === 'fail-first') return this.#memory.countBefore(key) < (rule.count ?? 1);
      if (rule.do === 'rate-limit')
        return !this.#memory.fits(key, rule.max, now, durationMs(rule.window, RATE_WINDOW_MS));
      if (rule.do !== 'greylist') return false;
      const since = this.#memory.knownSince(
        key,
        now,
        durationMs(rule.remember, GREYLIST_REMEMBER_MS),
      );
      return now - since < durationMs(rule.delay, GREYLIST_DELAY_MS);
    });
    return failed.length > 0;
  }

  #filling(asked: Asked, rule?: Rule): Filling {
    const to = (rule && matching(rule, asked)[0]) ?? asked.recipients[0] ?? '';
    const from = asked.sender ?? '';
    return {
      to,
      from,
      ip: asked.ip,
      domain: domainOf(from) || domainOf(to),
      name: this.spec.name,
      id: asked.id ?? Buffer.from(this.#random.bytes(6)).toString('hex'),
    };
  }
}

function matching(rule: Rule, asked: Asked): readonly string[] {
  const { to } = rule;
  if (to === undefined) return asked.recipients;
  return asked.recipients.filter((recipient) => matchesGlob(to, recipient));
}

function matchesSender(pattern: string, sender: string | null): boolean {
  if (sender === null) return false;
  return pattern === '<>' ? sender === '' : matchesGlob(pattern, sender);
}

function keysOf(rule: Rule, asked: Asked): readonly string[] {
  const sender = (asked.sender ?? '').toLowerCase();
  const recipients = matching(rule, asked).map((recipient) => recipient.toLowerCase());
  switch (scopeOf(rule)) {
    case 'recipient':
      return recipients.length > 0 ? recipients : [asked.ip];
    case 'triplet':
      return recipients.length > 0
        ? recipients.map((recipient) => `${asked.ip} ${sender} ${recipient}`)
        : [`${asked.ip} ${sender}`];
    case 'sender':
      return [sender];
    case 'connection':
      return [asked.connectionId];
    case 'client':
      return [asked.ip];
    case 'everybody':
      return [''];
  }
}

function scopeOf(rule: Rule): Scope {
  if (rule.do === 'greylist') return 'triplet';
  if (rule.do === 'fail-first') return rule.per ?? 'recipient';
  return (rule.do === 'rate-limit' ? rule.per : undefined) ?? 'everybody';
}

function durationMs(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : (parseDurationMs(text) ?? otherwise);
}

function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? '' : address.slice(at + 1);
}
