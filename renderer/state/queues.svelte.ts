/**
 * Scheduled and ready queues as the engine last told them, and the one that is opened with its
 * messages by due time. The lists come whole with every event; the opened queue is asked for.
 */
import type {
  QueueAction,
  QueueActionResult,
  QueueDetail,
  QueueList,
  ReadyQueueRow,
  ScheduledQueueRow,
} from '../../engine/api/protocol.ts';
import type { Api } from '../connection/api.ts';

const REFRESH_WAIT_MS = 400;
const EMPTY: QueueList = { scheduled: [], ready: [], nowMs: 0 };

export class Queues {
  readonly #api: Api;
  #list = $state.raw<QueueList>(EMPTY);
  #isReady = $state(false);
  #opened = $state<string | null>(null);
  #detail = $state.raw<QueueDetail | null>(null);
  #error = $state<string | null>(null);
  #filter = $state('');
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(api: Api) {
    this.#api = api;
  }

  get isReady(): boolean {
    return this.#isReady;
  }
  get opened(): string | null {
    return this.#opened;
  }
  get detail(): QueueDetail | null {
    return this.#detail;
  }
  get error(): string | null {
    return this.#error;
  }
  get filter(): string {
    return this.#filter;
  }

  /** Soonest due first; queues without anything due after them, by name. */
  scheduled = $derived.by((): readonly ScheduledQueueRow[] =>
    this.#list.scheduled
      .filter(({ name }) => matches(name, this.#filter))
      .toSorted(
        (left, right) =>
          (left.nextDueMs ?? Infinity) - (right.nextDueMs ?? Infinity) ||
          right.depth - left.depth ||
          left.name.localeCompare(right.name),
      ),
  );

  names = $derived(this.#list.scheduled.map(({ name }) => name));

  ready = $derived.by((): readonly ReadyQueueRow[] =>
    this.#list.ready.filter(({ name }) => matches(name, this.#filter)),
  );

  depth = $derived(this.#list.scheduled.reduce((sum, { depth }) => sum + depth, 0));

  /** The queue whose message is due before all others. */
  soonest = $derived.by((): ScheduledQueueRow | null => {
    const due = this.#list.scheduled.filter(({ nextDueMs }) => nextDueMs !== null);
    return due.toSorted((a, b) => (a.nextDueMs ?? 0) - (b.nextDueMs ?? 0))[0] ?? null;
  });

  setFilter(filter: string): void {
    this.#filter = filter;
  }

  async load(): Promise<void> {
    try {
      this.takeList(await this.#api.queues());
    } catch (cause) {
      this.#error = cause instanceof Error ? cause.message : String(cause);
    }
  }

  takeList(list: QueueList): void {
    this.#list = list;
    this.#isReady = true;
    this.#error = null;
    if (this.#opened !== null) this.#refreshSoon();
  }

  open(name: string): void {
    if (this.#opened !== name) this.#detail = null;
    this.#opened = name;
    void this.#refresh();
  }

  close(): void {
    this.#opened = null;
    this.#detail = null;
  }

  async act(action: QueueAction): Promise<QueueActionResult> {
    const result = await this.#api.queueAction(action);
    this.#refreshSoon();
    return result;
  }

  #refreshSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#refresh();
    }, REFRESH_WAIT_MS);
  }

  async #refresh(): Promise<void> {
    const name = this.#opened;
    if (name === null) return;
    try {
      const detail = await this.#api.queue(name);
      if (name === this.#opened) this.#detail = detail;
      this.#error = null;
    } catch (cause) {
      if (name === this.#opened)
        this.#error = cause instanceof Error ? cause.message : String(cause);
    }
  }
}

function matches(name: string, filter: string): boolean {
  return name.toLowerCase().includes(filter.trim().toLowerCase());
}
