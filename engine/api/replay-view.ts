/**
 * The Lab's runs: captured messages through edited policy text, by reception or by a constructor,
 * compared with what really happened; and copies queued for real.
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import { cloneJson } from '../mail/json.ts';
import { Message } from '../mail/message.ts';
import { parseEnvelopeAddress } from '../mail/path.ts';
import { parseQueueName } from '../mail/queue-name.ts';
import { EVENTS } from '../policy/event-reference.ts';
import { arrivalOf, injectedMeta, readCaptured } from '../replay/captured.ts';
import type { Captured } from '../replay/captured.ts';
import type { Happened } from '../replay/compare.ts';
import type { DryBench, DryOutcome } from '../replay/dry-run.ts';
import { DryRun } from '../replay/dry-run.ts';
import { editedFiles } from '../replay/edited-files.ts';
import { RunHistory } from '../replay/run-history.ts';
import { sendDry } from '../replay/send-dry.ts';
import type { DrySending } from '../replay/send-dry.ts';
import type { Store } from '../store/store.ts';
import { effectsOf, problemOf } from './dry-wire.ts';
import type {
  ReplayForRealRequest,
  ReplayForRealResult,
  ReplayRequest,
  ReplayResult,
  ReplayRun,
  ReplayRunList,
  ReplaySelection,
} from './protocol.ts';
import { countsOf, failedResult, receivedResult, sentResult } from './replay-results.ts';
import { ApiProblem } from './route.ts';
import { readFilter } from './rows-view.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
const BATCH_MAX = 1_000;

export interface ReplayViewParts {
  readonly store: Pick<Store, 'read'>;
  readonly clock: Clock;
  readonly mailClock: Clock;
  readonly bench: () => DryBench;
  readonly policyFolder: string;
  readonly runsFolder: string;
  /** Queues a copy; resolves to its rows. @throws {Error} it was not accepted */
  readonly queueCopy: (captured: Captured) => Promise<readonly number[]>;
}

type Summary = ReplayRunList['runs'][number];

export class ReplayView {
  readonly #parts: ReplayViewParts;
  readonly #history: RunHistory<ReplayRun, Summary>;

  constructor(parts: ReplayViewParts) {
    this.#parts = parts;
    this.#history = new RunHistory(parts.runsFolder, summaryOf);
  }

  runs(): ReplayRunList {
    return { runs: this.#history.list() };
  }

  run(id: string): ReplayRun | null {
    return this.#history.get(id)?.run ?? null;
  }

  /** @throws {ApiProblem} the request cannot be carried out */
  async replay(request: ReplayRequest): Promise<ReplayRun> {
    const { clock } = this.#parts;
    const { seqs, more } = await this.#select(request.messages);
    const startedRealMs = clock.now();
    const startedMs = clock.monotonic();
    const dry = await this.#open(request);
    try {
      const results =
        dry.problem !== null && dry.listener() === null ? [] : await this.#all(dry, request, seqs);
      const run: ReplayRun = {
        id: this.#history.newId(startedRealMs),
        startedRealMs,
        durationMs: clock.monotonic() - startedMs,
        title: titleOf(request),
        through: request.through,
        counts: countsOf(results),
        more,
        results,
        problem: problemOf(dry.problem),
        effects: effectsOf([...dry.startCalls, ...dry.policy.takeCalls()]),
      };
      this.#history.add({ run, exchanges: dry.policy.network.exchanges });
      return run;
    } finally {
      await dry.close();
    }
  }

  /** Copies through the present policy and its queues. */
  async forReal(request: ReplayForRealRequest): Promise<ReplayForRealResult> {
    const { seqs } = await this.#select(request.messages);
    const queued: number[] = [];
    const failed: { seq: number; text: string }[] = [];
    let count = 0;
    for (const seq of seqs) {
      const captured = await readCaptured(this.#parts.store, seq);
      if (captured === null || typeof captured === 'string') {
        failed.push({ seq, text: captured ?? 'there is no such message, or no more' });
        continue;
      }
      try {
        queued.push(...(await this.#parts.queueCopy(captured)));
        count++;
      } catch (error) {
        failed.push({ seq, text: toError(error).message });
      }
    }
    return { queued: count, failed, seqs: queued };
  }

  async #open(request: ReplayRequest): Promise<DryRun> {
    const { bench, policyFolder } = this.#parts;
    const recording = request.recording === undefined ? null : this.#history.get(request.recording);
    if (request.recording !== undefined && recording === null) {
      throw new ApiProblem(404, 'not-found', `no run ${request.recording} to take answers from`);
    }
    try {
      return await DryRun.open(bench(), {
        seed: request.seed,
        stubs: request.stubs,
        http: request.http,
        recording: recording?.exchanges,
        edited: request.files && editedFiles(policyFolder, request.files),
      });
    } catch (error) {
      throw new ApiProblem(409, 'cannot-run', toError(error).message);
    }
  }

  async #select(selection: ReplaySelection): Promise<{ seqs: readonly number[]; more: number }> {
    const limit = Math.min(selection.limit ?? LIMIT_DEFAULT, LIMIT_MAX);
    if (selection.seqs !== undefined) {
      const { seqs } = selection;
      return { seqs: seqs.slice(0, limit), more: Math.max(0, seqs.length - limit) };
    }
    const { store, mailClock } = this.#parts;
    const query = readFilter(selection.filter ?? '', mailClock.now());
    const { rows, total } = await store.read('rows', { limit, query });
    const more = Math.max(0, (total?.value ?? rows.length) - rows.length);
    return { seqs: rows.map(({ seq }) => seq), more };
  }

  async #all(
    dry: DryRun,
    request: ReplayRequest,
    seqs: readonly number[],
  ): Promise<ReplayResult[]> {
    const found: (Captured | ReplayResult)[] = [];
    for (const seq of seqs) {
      const captured = await readCaptured(this.#parts.store, seq);
      const trouble =
        captured === null ? `no row ${seq}: never stored, or removed by retention` : captured;
      found.push(typeof trouble === 'string' ? failedResult(seq, null, trouble) : trouble);
    }
    if (request.through.kind === 'reception') return this.#receiveAll(dry, found);
    return this.#sendAll(dry, request.through, found);
  }

  /** Recipients of one transaction are received together, as they were. */
  async #receiveAll(
    dry: DryRun,
    found: readonly (Captured | ReplayResult)[],
  ): Promise<ReplayResult[]> {
    const results: ReplayResult[] = [];
    const outcomes = new Map<number, DryOutcome | Error>();
    for (const one of found) {
      if (!('read' in one)) {
        results.push(one);
        continue;
      }
      const { transactionId } = one.read.row;
      const outcome = outcomes.get(transactionId) ?? (await this.#receive(dry, one));
      outcomes.set(transactionId, outcome);
      results.push(
        outcome instanceof Error
          ? failedResult(one.seq, one, outcome.message)
          : receivedResult(one, outcome, await this.#happened(one)),
      );
    }
    return results;
  }

  async #receive(dry: DryRun, captured: Captured): Promise<DryOutcome | Error> {
    try {
      const { session, row } = captured.read;
      const protocol = session?.protocol ?? 'ESMTP';
      if (protocol === 'ESMTP') return await dry.receive(arrivalOf(captured));
      return await dry.inject({
        from: row.from ?? '',
        to: row.to ?? '',
        data: captured.original,
        meta: injectedMeta(captured),
        protocol,
      });
    } catch (error) {
      return toError(error);
    }
  }

  async #sendAll(
    dry: DryRun,
    through: Extract<ReplayRequest['through'], { kind: 'constructor' }>,
    found: readonly (Captured | ReplayResult)[],
  ): Promise<ReplayResult[]> {
    requireConstructor(through.name, dry.policy.host.eventNames());
    const batchSize = Math.min(Math.max(through.batchSize ?? 1, 1), BATCH_MAX);
    const results = new Map<number, ReplayResult>();
    const messages = new Map<Message, Captured>();
    for (const one of found) {
      if (!('read' in one)) results.set(one.seq, one);
      else if (one.read.message === null)
        results.set(one.seq, failedResult(one.seq, one, 'it never was in a queue'));
      else messages.set(await this.#messageOf(one, dry), one);
    }
    const byQueue = Map.groupBy(
      messages.keys(),
      (message) => messages.get(message)?.read.row.queue ?? '',
    );
    for (const [queue, group] of byQueue) {
      const options = { constructor_: through.name, batchSize };
      const sent = await sendDry(dry.policy, parseQueueName(queue), group, options);
      for (const sending of sent) {
        const captured = messages.get(sending.message);
        if (captured) results.set(captured.seq, await this.#sent(captured, sending));
      }
    }
    return found.flatMap(({ seq }) => results.get(seq) ?? []);
  }

  async #sent(captured: Captured, sending: DrySending): Promise<ReplayResult> {
    const attempts = await this.#parts.store.read('attempts', { seq: captured.seq });
    const last = attempts.findLast(({ outcome }) => outcome !== 'running');
    return sentResult(captured, sending, last ?? null);
  }

  /** As it was delivered. */
  async #messageOf({ read, seq }: Captured, dry: DryRun): Promise<Message> {
    const body = await this.#parts.store.read('body', { seq, which: 'final' });
    return new Message({
      id: (read.row.messageId as SpoolId | null) ?? dry.policy.ids.next(),
      sender: parseEnvelopeAddress(read.message?.sender ?? ''),
      recipients: [parseEnvelopeAddress(read.row.to ?? '')],
      meta: cloneJson(read.message?.meta ?? {}),
      data: body?.bytes ?? new Uint8Array(),
    });
  }

  async #happened({ read, seq, events }: Captured): Promise<Happened> {
    const { row, message, transaction } = read;
    const body =
      message === null ? null : await this.#parts.store.read('body', { seq, which: 'final' });
    const isRefused = row.messageId === null;
    return {
      reply: isRefused
        ? { code: row.code, text: row.lastText }
        : { code: transaction.code, text: transaction.reply },
      state: row.state,
      queue: isRefused ? '' : row.queue,
      meta: message?.meta ?? null,
      data: body?.bytes ?? null,
      events,
    };
  }
}

function summaryOf({ results, effects: _, ...rest }: ReplayRun): Summary {
  return { ...rest, count: results.length };
}

/** @throws {ApiProblem} the policy does not register it */
function requireConstructor(name: string, registered: readonly string[]): void {
  if (registered.includes(name)) return;
  const others = registered.filter((event) => !EVENTS.some(({ name }) => name === event));
  const wanted = others.length === 0 ? `kumo.on('${name}', …) in the policy` : others.join(', ');
  throw new ApiProblem(400, 'no-constructor', `no constructor ${name}, expected ${wanted}`);
}

function titleOf({ through, files }: ReplayRequest): string {
  const way = through.kind === 'reception' ? 'reception' : `constructor ${through.name}`;
  const edited = Object.keys(files ?? {});
  return edited.length === 0 ? way : `${way}, ${edited.join(', ')} edited`;
}
