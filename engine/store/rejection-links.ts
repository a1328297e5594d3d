/**
 * Joins Rejection records and the rows that they are about. A refused RCPT is recorded when it
 * happens, its row is stored when the transaction ends, so neither side can name the other. Both
 * know the session and the reply; the recipient does not help, since KumoMTA's record names the
 * last accepted one.
 *
 * Source: reference `http-logs-reception.md` §4.2.
 */
import type { RefusedRow } from './store.ts';

/** Sessions remembered; links of older ones are not made. */
const SESSIONS_MAX = 2_000;
/** Per session: a client that has thousands refused needs no link for each. */
const PER_SESSION_MAX = 200;

interface Reply {
  readonly number: number;
  readonly code: number | null;
  readonly text: string;
}

interface Unlinked {
  readonly records: Reply[];
  readonly rows: Reply[];
}

export class RejectionLinks {
  readonly #sessions = new Map<string, Unlinked>();

  /** A Rejection record is written; returns its row when that is stored already. */
  record(sessionId: string, recordSeq: number, code: number, text: string): number | null {
    const { records, rows } = this.#of(sessionId);
    const reply = { number: recordSeq, code, text };
    const row = takeLike(rows, reply);
    if (row) return row.number;
    if (records.length < PER_SESSION_MAX) records.push(reply);
    return null;
  }

  /** A transaction is stored; returns the records that belong to its refused rows. */
  rows(
    sessionId: string,
    firstSeq: number,
    refused: readonly RefusedRow[],
  ): { recordSeq: number; rowSeq: number }[] {
    if (refused.length === 0) {
      this.#sessions.delete(sessionId);
      return [];
    }
    const { records, rows } = this.#of(sessionId);
    const links: { recordSeq: number; rowSeq: number }[] = [];
    refused.forEach(({ code, text }, i) => {
      const reply = { number: firstSeq + i, code, text };
      const record = takeLike(records, reply);
      if (record) links.push({ recordSeq: record.number, rowSeq: reply.number });
      else if (rows.length < PER_SESSION_MAX) rows.push(reply);
    });
    return links;
  }

  #of(sessionId: string): Unlinked {
    const known = this.#sessions.get(sessionId);
    if (known) return known;
    if (this.#sessions.size >= SESSIONS_MAX) {
      const oldest = this.#sessions.keys().next();
      if (!oldest.done) this.#sessions.delete(oldest.value);
    }
    const made: Unlinked = { records: [], rows: [] };
    this.#sessions.set(sessionId, made);
    return made;
  }
}

/** Takes out the first with the same reply, else the first with the same code. */
function takeLike(list: Reply[], wanted: Reply): Reply | undefined {
  const sameCode = (reply: Reply): boolean => reply.code === wanted.code;
  const exact = list.findIndex((reply) => sameCode(reply) && reply.text === wanted.text);
  const at = exact >= 0 ? exact : list.findIndex(sameCode);
  return at >= 0 ? list.splice(at, 1)[0] : undefined;
}
