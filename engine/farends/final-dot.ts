/**
 * What a scenario says to a whole message: one decision for all its recipients, or with LMTP one for
 * each. Decides only; the connection waits, answers and keeps the message.
 *
 * Source: RFC 2033 §4.2.
 */
import type { FarEndReply } from './far-end-reply.ts';
import { PLAIN } from './scenario.ts';
import type { Asked, Decision, Scenario } from './scenario.ts';

/** The usual answer to a message that is kept. */
const KEPT = { code: 250, enhanced: '2.0.0' };

export interface DotVerdict {
  /** Real time before anything happens. */
  readonly waitMs: number;
  /** Instead of an answer: silence, or the connection ends like this. */
  readonly end: 'hang' | 'close' | 'reset' | null;
  readonly isGarbage: boolean;
  /** In the order of the recipients with LMTP, else one. */
  readonly replies: readonly FarEndReply[];
  /** Recipients whose reply is a success. */
  readonly accepted: readonly string[];
  /** How the replies are written. */
  readonly manner: Decision;
}

/** @param asked at stage `dot`, with all recipients that were accepted and the message's id */
export function decideDot(scenario: Scenario, asked: Asked & { readonly id: string }): DotVerdict {
  const { name, protocol } = scenario.spec;
  const groups = protocol === 'lmtp' ? asked.recipients.map((one) => [one]) : [asked.recipients];
  const decisions = groups.map((recipients) => scenario.decide({ ...asked, recipients }));
  const replies = decisions.map((decision) => replyTo(decision, `${name}/${asked.id}`));
  return {
    waitMs: Math.max(...decisions.map(({ waitMs }) => waitMs)),
    end: endOf(decisions),
    isGarbage: decisions.some(({ deed }) => deed.kind === 'garbage'),
    replies,
    accepted: groups.filter((_group, index) => (replies[index]?.code ?? 500) < 400).flat(),
    manner: {
      ...(decisions[0] ?? PLAIN),
      closeAfter: decisions.find((one) => one.closeAfter !== null)?.closeAfter ?? null,
    },
  };
}

function endOf(decisions: readonly Decision[]): DotVerdict['end'] {
  for (const { deed } of decisions) {
    if (deed.kind === 'hang') return 'hang';
    if (deed.kind === 'disconnect') return deed.how;
  }
  return null;
}

function replyTo({ deed }: Decision, place: string): FarEndReply {
  if (deed.kind === 'reply') return deed.reply;
  if (deed.kind === 'garbage') return { code: 554, enhanced: '', lines: [] };
  const text = deed.kind === 'proceed' ? deed.text : null;
  return { ...KEPT, lines: text ?? [`OK: kept as ${place}`] };
}
