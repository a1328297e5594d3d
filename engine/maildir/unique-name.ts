/**
 * Names of maildir files, up to the flags: unique on this machine without any coordination.
 *
 * Two kinds. `UniqueNames` makes KumoMTA's, from the time, a counter, the process and the file
 * itself. `stableName` is made from what is delivered, so that a delivery repeated after a crash
 * finds its own file and does not write it twice.
 *
 * Source: https://cr.yp.to/proto/maildir.html; reference `queues-delivery.md` §6.4.
 */
import type { Clock, EpochMs } from '../base/clock.ts';

/** Stands between the unique name and the flags. Windows allows no colon in file names. */
export const INFO_SEPARATOR = process.platform === 'win32' ? ';' : ':';

/** A file in two steps: the name while it is written, and the one it gets when it is complete. */
export interface FileNames {
  readonly tmp: string;
  final(file: { readonly dev: bigint; readonly ino: bigint; readonly size: number }): string;
}

/** KumoMTA's names: `{secs}.#{counter}M{nanos}P{pid}V{dev}I{ino}.{host},S={size}`. */
export class UniqueNames {
  readonly #clock: Clock;
  readonly #host: string;
  readonly #pid: number;
  #counter = 0;

  constructor(clock: Clock, host: string, pid: number) {
    this.#clock = clock;
    this.#host = host;
    this.#pid = pid;
  }

  next(): FileNames {
    const now = this.#clock.now();
    const seconds = Math.floor(now / 1000);
    const nanos = Math.floor((now - seconds * 1000) * 1_000_000);
    const head = `${seconds}.#${(this.#counter++).toString(16)}M${nanos}P${this.#pid}`;
    return {
      tmp: `${head}.${this.#host}`,
      final: ({ dev, ino, size }) => `${head}V${dev}I${ino}.${this.#host},S=${size}`,
    };
  }
}

export interface Delivered {
  /** 32 hex digits that tell the message from every other one. */
  readonly messageId: string;
  readonly createdMs: EpochMs;
  /** Which of the message's recipients. */
  readonly recipientIndex: number;
}

/** The name of one recipient's copy, the same however often it is delivered; no size in it yet. */
export function stableName(delivered: Delivered, host: string): string {
  const seconds = Math.floor(delivered.createdMs / 1000);
  return `${seconds}.M${delivered.messageId}R${delivered.recipientIndex}.${hostPart(host)}`;
}

/**
 * `stableName` as file names; the size follows as usual.
 *
 * @param tryCount 1, and more when a file left behind by a crash has the name below `tmp`
 */
export function stableFileNames(name: string, tryCount: number): FileNames {
  return {
    tmp: tryCount === 1 ? name : `${name}.${tryCount}`,
    final: ({ size }) => `${name},S=${size}`,
  };
}

/** A host name as the maildir format wants it. */
function hostPart(host: string): string {
  return host.replace(
    /[/:;,\\]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
