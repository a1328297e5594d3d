/**
 * Who may use the API: a bearer token made at the first start, and short-lived signed links for what a
 * browser fetches without headers (preview frame, downloads). Never a cookie: a cookie on
 * 127.0.0.1 reaches every port of the machine, the apps under test included.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';

const LINK_LIFETIME_MS = 10 * 60_000;

export class Token {
  readonly text: string;
  readonly #clock: Clock;

  /** @param given used instead of a random one: kept from before, or `POSTYARD_TOKEN` */
  constructor(clock: Clock, random: Random, given?: string) {
    this.#clock = clock;
    this.text = given ?? Buffer.from(random.bytes(24)).toString('base64url');
  }

  /** Whether an `Authorization` header carries this token. */
  matchesHeader(header: string | undefined): boolean {
    return header?.startsWith('Bearer ') === true && this.matches(header.slice('Bearer '.length));
  }

  matches(candidate: string): boolean {
    return equalInConstantTime(candidate, this.text);
  }

  /** A path with a signature that is good for ten minutes. */
  sign(path: string): { url: string; expiresRealMs: number } {
    const expiresRealMs = Math.floor(this.#clock.now()) + LINK_LIFETIME_MS;
    const joiner = path.includes('?') ? '&' : '?';
    const signed = `${path}${joiner}expires=${expiresRealMs}`;
    return { url: `${signed}&signature=${this.#signature(signed)}`, expiresRealMs };
  }

  /** Whether a URL (path and query, as requested) carries a good signature that has not expired. */
  isSigned(url: string): boolean {
    const match = /^(.*[?&]expires=(\d+))&signature=([\w-]+)$/.exec(url);
    if (!match?.[1] || !match[3] || Number(match[2]) < this.#clock.now()) return false;
    return equalInConstantTime(match[3], this.#signature(match[1]));
  }

  #signature(text: string): string {
    return createHmac('sha256', this.text).update(text).digest('base64url');
  }
}

function equalInConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
