/**
 * Identifiers. A spool id is a UUID version 1 printed as 32 hex digits without dashes, as KumoMTA
 * prints it; the moment of creation is read back from it. Sessions and rules are UUID version 4.
 *
 * Source: RFC 9562 §5.1, §5.4; KumoMTA `SpoolId`.
 */
import type { Clock, EpochMs } from './clock.ts';
import type { Random } from './random.ts';

declare const brand: unique symbol;
export type SpoolId = string & { readonly [brand]: 'SpoolId' };
export type SessionId = string & { readonly [brand]: 'SessionId' };

/** 100 ns intervals between 1582-10-15 (the UUID epoch) and 1970-01-01. */
const UUID_EPOCH_OFFSET = 122_192_928_000_000_000n;

/** The clock is behind the last id by more than a burst of ids within one tick could explain. */
const SET_BACK_TICKS = 10_000_000n;
const SEQUENCE_MASK = 0x3fff;
const SEQUENCE_VARIANT = 0x8000;

/**
 * Makes spool ids that never repeat, from the mail clock. They never go back, unless the clock was
 * set back: then they go with it, under the next clock sequence.
 */
export class SpoolIdSource {
  readonly #clock: Clock;
  readonly #node: string;
  #sequence: number;
  #last = 0n;

  /** @param node 6 bytes that tell this engine from another one (a MAC address or random) */
  constructor(clock: Clock, random: Random, node: Uint8Array = random.bytes(6)) {
    this.#clock = clock;
    this.#node = hex(node);
    const [high = 0, low = 0] = random.bytes(2);
    this.#sequence = ((high << 8) | low) & SEQUENCE_MASK;
  }

  next(): SpoolId {
    let ticks = BigInt(Math.floor(this.#clock.now() * 10_000)) + UUID_EPOCH_OFFSET;
    if (ticks + SET_BACK_TICKS < this.#last) {
      this.#sequence = (this.#sequence + 1) & SEQUENCE_MASK;
    } else if (ticks <= this.#last) {
      ticks = this.#last + 1n;
    }
    this.#last = ticks;
    const text = ticks.toString(16).padStart(15, '0');
    const low = text.slice(7);
    const mid = text.slice(3, 7);
    const high = `1${text.slice(0, 3)}`;
    const sequence = (SEQUENCE_VARIANT | this.#sequence).toString(16);
    return `${low}${mid}${high}${sequence}${this.#node}` as SpoolId;
  }
}

/** The moment a spool id was made, in milliseconds with 100 ns precision. */
export function createdMsOf(id: SpoolId): EpochMs {
  return Number(createdTicksOf(id)) / 10_000;
}

/** The same in units of 100 ns since 1970, exactly as the id says. */
export function createdTicksOf(id: SpoolId): bigint {
  return BigInt(`0x${id.slice(13, 16)}${id.slice(8, 12)}${id.slice(0, 8)}`) - UUID_EPOCH_OFFSET;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A random UUID version 4, dashed. */
export function uuidV4(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  let text = '';
  for (const [index, byte] of bytes.entries()) {
    if (index === 4 || index === 6 || index === 8 || index === 10) text += '-';
    text += HEX[byte] ?? '';
  }
  return text;
}

export function newSessionId(random: Random): SessionId {
  return uuidV4(random) as SessionId;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
