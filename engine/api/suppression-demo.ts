/**
 * The demo of suppression: the same message, sent over real SMTP once for each mode and once with
 * nobody listed, and everything that became of it. The mode in use is not touched: the demo's
 * messages have modes of their own, by Message-ID. Reset leaves no trace: the entry that the demo
 * made is removed, one that it removed is put back, its rows are hidden.
 */
import { createTransport } from 'nodemailer';
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { RowState, RowSummary, RowsCommit, Store } from '../store/store.ts';
import { normalizeRecipient, normalizeSendingDomain } from '../suppression/entry.ts';
import type { SuppressionKey } from '../suppression/entry.ts';
import type { Suppression } from '../suppression/suppression.ts';
import type { RowsDoor } from './doors.ts';
import type {
  JourneyStep,
  SuppressionDemoRequest,
  SuppressionDemoResult,
  SuppressionMode,
} from './protocol.ts';
import { ApiProblem } from './route.ts';

export interface SuppressionDemoParts {
  readonly suppression: Suppression;
  readonly store: Store;
  readonly rows: RowsDoor;
  readonly clock: Clock;
  readonly mailClock: Clock;
  readonly random: Random;
  readonly smtpAddress: () => { host: string; port: number } | null;
}

const FROM = 'digest@news.example.com';
const TO = 'bounced.before@example.net';
/** A mode's outcome is there within moments; a policy may take longer over an unlisted message. */
const DEADLINE_MS = 15_000;

/** It is known what became of the message, or it waits for something that may take its time. */
const SETTLED: ReadonlySet<RowState> = new Set([
  'deferred',
  'delivered',
  'bounced',
  'expired',
  'suppressed',
  'rejected',
  'null',
  'aborted',
]);

export class SuppressionDemo {
  readonly #parts: SuppressionDemoParts;
  readonly #made = new Map<string, SuppressionKey>();
  readonly #undos: string[] = [];
  readonly #rowSeqs: number[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: SuppressionDemoParts) {
    this.#parts = parts;
  }

  /** One after the other, so that each step finds its own row. */
  run(request: SuppressionDemoRequest): Promise<SuppressionDemoResult> {
    return this.#inTurn(() => this.#run(request));
  }

  reset(): Promise<void> {
    return this.#inTurn(async () => {
      const { suppression, rows } = this.#parts;
      await suppression.list.ask('remove', { ids: [], keys: [...this.#made.values()] });
      for (const token of this.#undos) await suppression.list.ask('undo', token);
      if (this.#rowSeqs.length > 0) await rows.remove([...this.#rowSeqs]);
      this.#made.clear();
      this.#undos.length = 0;
      this.#rowSeqs.length = 0;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(work, work);
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #run({
    step,
    from = FROM,
    to = TO,
  }: SuppressionDemoRequest): Promise<SuppressionDemoResult> {
    const key = keyOf(from, to);
    await (step === 'off' ? this.#unlist(key) : this.#list(key));
    const messageId = this.#messageId(from);
    const { demoModes } = this.#parts.suppression;
    demoModes.set(messageId, step);
    const watch = this.#watch(from, to);
    try {
      const reply = await this.#send(from, to, messageId);
      const row = await watch.row;
      this.#rowSeqs.push(row.seq);
      return await this.#describe(step, row.seq, from, to, reply);
    } finally {
      watch.end();
      demoModes.delete(messageId);
    }
  }

  async #list(key: SuppressionKey): Promise<void> {
    const { list } = this.#parts.suppression;
    if ((await list.lookUp(key)) !== null) return;
    const sinceMs = this.#parts.mailClock.now();
    const cause = { reason: 'for the demo', origin: 'hand', source: '' } as const;
    const entry = { ...key, ...cause, sinceMs, recordSeq: null, rowSeq: null };
    await list.ask('add', { entries: [entry], whenListed: 'keep' });
    this.#made.set(`${key.recipient} ${key.sendingDomain}`, key);
  }

  async #unlist(key: SuppressionKey): Promise<void> {
    const keys = [key, { ...key, sendingDomain: '' }];
    const { removed, undo } = await this.#parts.suppression.list.ask('remove', { ids: [], keys });
    const isOwn = this.#made.delete(`${key.recipient} ${key.sendingDomain}`);
    if (removed.length > 0 && !isOwn) this.#undos.push(undo);
  }

  #messageId(from: string): string {
    const unique = Buffer.from(this.#parts.random.bytes(9)).toString('hex');
    return `<demo.${unique}@${from.slice(from.lastIndexOf('@') + 1)}>`;
  }

  async #send(from: string, to: string, messageId: string): Promise<string> {
    const server = this.#parts.smtpAddress();
    if (server === null)
      throw new ApiProblem(409, 'no-smtp', 'there is no SMTP listener: the policy started none');
    const transport = createTransport({ ...server, ignoreTLS: true, connectionTimeout: 5_000 });
    const raw = [
      ...[`From: News digest <${from}>`, `To: <${to}>`, `Message-ID: ${messageId}`],
      ...['Subject: Your weekly digest', 'MIME-Version: 1.0', 'Content-Type: text/plain', ''],
      ...['The same message, sent once in each mode.', ''],
    ].join('\r\n');
    try {
      const { response } = await transport.sendMail({ envelope: { from, to: [to] }, raw });
      return response;
    } catch (error) {
      const { response } = error as { response?: string };
      return response ?? toError(error).message;
    } finally {
      transport.close();
    }
  }

  /** The next row of this sender and recipient, once it is settled and recorded, or time is up. */
  #watch(from: string, to: string): { readonly row: Promise<RowSummary>; end(): void } {
    const { store, clock } = this.#parts;
    const { promise, resolve, reject } = Promise.withResolvers<RowSummary>();
    // Nobody waits for it when sending failed.
    promise.catch(() => undefined);
    let row: RowSummary | null = null;
    let hasRecord = false;
    const stop = store.onRows((commit: RowsCommit) => {
      row ??= commit.added.find((one) => one.to === to && one.from === from) ?? null;
      const changed = commit.changed.find((one) => one.seq === row?.seq);
      if (row && changed?.state !== undefined) row = { ...row, state: changed.state };
      hasRecord ||= row !== null && commit.records.some((one) => one.rowSeq === row?.seq);
      if (row && hasRecord && SETTLED.has(row.state)) resolve(row);
    });
    const timer = clock.timer(DEADLINE_MS, () => {
      if (row) resolve(row);
      else reject(new ApiProblem(504, 'no-row', 'the message was sent, but no row of it appeared'));
    });
    return {
      row: promise,
      end() {
        stop();
        timer.cancel();
      },
    };
  }

  async #describe(
    step: SuppressionMode,
    seq: number,
    from: string,
    to: string,
    reply: string,
  ): Promise<SuppressionDemoResult> {
    const { rows, store } = this.#parts;
    const [detail, journey, trace, records] = await Promise.all([
      rows.detail(seq),
      rows.journey(seq),
      store.read('trace', { seq }),
      store.read('rowRecords', { seq }),
    ]);
    if (detail === null || journey === null)
      throw new ApiProblem(404, 'no-row', `row ${seq} is gone`);
    const transcript = trace?.transcript ?? [];
    const began = transcript.findIndex(({ text }) => /^MAIL FROM/i.test(text));
    const steps = journey.parts
      .filter(({ kind }) => kind === 'policy' || kind === 'attempt')
      .flatMap((part) => part.steps.filter((one: JourneyStep) => one.kind === 'call'));
    return {
      ...{ step, from, to, reply, steps },
      entry: detail.suppressedBy?.entry ?? null,
      rowSeq: seq,
      state: detail.row.state,
      queue: detail.row.queue,
      attempts: detail.row.attempts,
      transcript: transcript.slice(Math.max(began, 0)),
      records: records.map(({ type, json, recordSeq }) => {
        const { response } = JSON.parse(json) as { response: { code: number; content: string } };
        return { type, recordSeq, code: response.code, text: response.content };
      }),
      maildir: detail.maildir?.path ?? null,
    };
  }
}

/** @throws {ApiProblem} one of them is no address */
function keyOf(from: string, to: string): SuppressionKey {
  try {
    const sender = normalizeRecipient(from);
    return {
      recipient: normalizeRecipient(to),
      sendingDomain: normalizeSendingDomain(sender.slice(sender.lastIndexOf('@') + 1)),
    };
  } catch (error) {
    throw new ApiProblem(400, 'invalid', toError(error).message);
  }
}
