/**
 * Suppression of a workspace: the list, the mode, the switches, and what becomes of a message
 * whose recipient is listed. The last word after the policy's reception handlers and the routes.
 *
 * A list that cannot be read stops no mail: the message goes on, the Journey and the log say why.
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { firstHeaderValue, headerString } from '../mail/header.ts';
import type { Message } from '../mail/message.ts';
import { formatQueueName } from '../mail/queue-name.ts';
import { causeOf } from './auto-add.ts';
import type { FailureRecord } from './auto-add.ts';
import { describeEntry, normalizeRecipient, refusalText } from './entry.ts';
import type { NewEntry, SuppressionEntry, SuppressionKey } from './entry.ts';
import { reportedSendingDomain, sendingDomainOf } from './sending-domain.ts';
import { openSuppressionFile } from './suppression-file.ts';
import { SuppressionList } from './suppression-list.ts';
import { parseSuppressionSettings } from './suppression-settings.ts';
import type { Mode, SuppressionSettings } from './suppression-settings.ts';
import type { ListState } from './worker-messages.ts';

/** The queue of the mode `bounce`; its messages go to the constructor below. */
export const BOUNCE_QUEUE = 'suppressed';
export const BOUNCE_CONSTRUCTOR = 'make.suppression';
/** Metadata: the entry in words (it also marks the row as suppressed), and the reply of the bounce. */
export const META_MARK = 'suppressed';
export const META_REPLY = 'suppressed_reply';
/** The call that the Journey shows. */
export const JOURNEY_EVENT = 'suppression';

/** What it says there of mail without a sending domain. */
export const NO_SENDING_DOMAIN = 'no sending domain';

const SETTING = 'suppression';
/** How often it is looked whether somebody else wrote into the file. */
const PROBE_INTERVAL_MS = 1_000;
/** A broken list is reported once in this time, not for every message. */
const TROUBLE_INTERVAL_MS = 60_000;

export type Decision =
  | 'keep'
  | {
      readonly kind: 'reject';
      readonly code: number;
      readonly text: string;
      readonly state: 'suppressed';
    }
  | { readonly kind: 'discard'; readonly state: 'suppressed' };

/** What stops a message: for each recipient its entry, in the message's order. */
export interface Listed {
  readonly mode: Mode;
  readonly entries: readonly (SuppressionEntry | null)[];
}

/** Where the decision is noted for the Journey. */
export interface DecisionTrace {
  elapsedMs(): number;
  add(call: {
    event: string;
    atMs: number;
    durationMs: number;
    args: readonly string[];
    returned?: readonly string[];
    raised?: { text: string };
    prints: readonly [];
    metaChanges: readonly [];
  }): void;
}

/** A record about a message, as it was written. */
export interface WrittenRecord {
  readonly record: FailureRecord;
  readonly message: Message;
  readonly recordSeq: number;
  readonly rowSeqs: readonly number[];
  /** The envelope sender that the record names. */
  readonly sender: string;
}

export interface SuppressionParts {
  readonly file: string;
  readonly settings: {
    getSetting(key: string): string | undefined;
    setSetting(key: string, value: string): void;
  };
  readonly mailClock: Clock;
  readonly clock: Clock;
  /** The bytes of a message that is not in memory; null when it is gone. */
  readonly bodyOf: (message: Message) => Promise<Uint8Array | null>;
  readonly onTrouble: (text: string) => void;
}

export class Suppression {
  readonly list: SuppressionList;
  /** Modes of messages of the demo, by Message-ID. */
  readonly demoModes = new Map<string, Mode>();
  readonly #parts: SuppressionParts;
  readonly #listeners = new Set<() => void>();
  #settings: SuppressionSettings;
  #state: ListState = { count: 0, version: 0 };
  #problem: string | null = null;
  #probedAtMs = -Infinity;
  #troubledAtMs = -Infinity;

  /** Makes the file if it is missing, so that a policy finds the table. */
  constructor(parts: SuppressionParts) {
    this.#parts = parts;
    this.#settings = parseSuppressionSettings(parts.settings.getSetting(SETTING));
    this.list = new SuppressionList(parts.file, (state) => this.#stateIs(state));
    try {
      openSuppressionFile(parts.file).close();
    } catch (error) {
      this.#problem = toError(error).message;
    }
    // The first message does not wait for the list's thread.
    if (this.#settings.mode !== 'off') this.#probe();
  }

  get settings(): SuppressionSettings {
    return this.#settings;
  }

  get problem(): string | null {
    return this.#problem;
  }

  /** The list as last seen; asks anew, but not too often. */
  get state(): ListState {
    if (this.#parts.clock.monotonic() - this.#probedAtMs >= PROBE_INTERVAL_MS) this.#probe();
    return this.#state;
  }

  /** In force for the next message. */
  change(settings: Partial<SuppressionSettings>): void {
    this.#settings = { ...this.#settings, ...settings };
    this.#parts.settings.setSetting(SETTING, JSON.stringify(this.#settings));
    this.#probe();
    this.#tell();
  }

  /** Calls the listener when mode, switches or list have changed. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * The entries that stop this message's recipients; null when none does. A message that the
   * policy marked as suppressed is the policy's own business.
   */
  async listed(message: Message, trace: DecisionTrace): Promise<Listed | null> {
    const mode = this.#modeFor(message);
    if (mode === 'off' || message.getMeta(META_MARK)) return null;
    const sendingDomain = sendingDomainOf(message.data, message.sender.domain);
    const entries = await Promise.all(
      message.recipients.map(({ email }) => this.#find(email, sendingDomain, mode, trace)),
    );
    return entries.some((entry) => entry !== null) ? { mode, entries } : null;
  }

  /** `decide`, counted in the list. */
  apply(message: Message, mode: Mode, entries: readonly SuppressionEntry[]): Decision {
    if (entries.length > 0 && mode !== 'off') {
      this.#count(entries);
      if (mode === 'bounce' && !this.#settings.hasBounceQueue)
        this.change({ hasBounceQueue: true });
    }
    return decide(message, mode, entries);
  }

  /** A record was written: lists its recipients when a switch says so. */
  recorded(written: WrittenRecord): void {
    const cause = causeOf(written.record, this.#settings.autoAdd);
    if (cause === null || written.message.getMeta(META_MARK)) return;
    const { message, recordSeq, rowSeqs } = written;
    const envelopeDomain = written.sender.slice(written.sender.lastIndexOf('@') + 1);
    const sinceMs = this.#parts.mailClock.now();
    void this.#bytesOf(message)
      .then((data) => {
        const sendingDomain =
          cause.origin === 'oob' && data !== null
            ? reportedSendingDomain(data, envelopeDomain)
            : sendingDomainOf(data, envelopeDomain);
        const { origin, reason, source } = cause;
        const entries = cause.recipients.map((recipient, index): NewEntry => ({
          recipient: normalizeRecipient(recipient),
          sendingDomain,
          ...{ origin, reason, source, sinceMs, recordSeq },
          rowSeq: rowSeqs[index] ?? rowSeqs[0] ?? null,
        }));
        return this.list.ask('add', { entries, whenListed: 'keep' });
      })
      .catch((error: unknown) => this.#troubled(toError(error)));
  }

  async close(): Promise<void> {
    await this.list.close();
  }

  #probe(): void {
    this.#probedAtMs = this.#parts.clock.monotonic();
    this.list.ask('probe', null).then(
      () => (this.#problem = null),
      (error: Error) => this.#troubled(error),
    );
  }

  async #find(
    email: string,
    sendingDomain: string,
    mode: Mode,
    trace: DecisionTrace,
  ): Promise<SuppressionEntry | null> {
    const atMs = trace.elapsedMs();
    const note = (result: { returned: string[] } | { raised: { text: string } }): void =>
      trace.add({
        event: JOURNEY_EVENT,
        atMs,
        durationMs: trace.elapsedMs() - atMs,
        args: [email, sendingDomain || NO_SENDING_DOMAIN],
        prints: [],
        metaChanges: [],
        ...result,
      });
    const key = keyOf(email, sendingDomain);
    if (key === null) return null;
    try {
      const entry = await this.list.lookUp(key);
      note({ returned: entry === null ? ['not listed'] : [describeEntry(entry), mode] });
      return entry;
    } catch (error) {
      const { message } = toError(error);
      note({ raised: { text: message } });
      this.#troubled(toError(error));
      return null;
    }
  }

  #modeFor(message: Message): Mode {
    if (this.demoModes.size === 0) return this.#settings.mode;
    const id = firstHeaderValue(message.data, 'Message-ID');
    return this.demoModes.get(id === undefined ? '' : headerString(id)) ?? this.#settings.mode;
  }

  #count(entries: readonly SuppressionEntry[]): void {
    const ids = entries.map((entry) => entry.id);
    this.list
      .ask('countHits', { ids, atMs: this.#parts.mailClock.now() })
      .catch((error: unknown) => this.#troubled(toError(error)));
  }

  async #bytesOf(message: Message): Promise<Uint8Array | null> {
    return message.isLoaded ? message.data : this.#parts.bodyOf(message);
  }

  #stateIs(state: ListState): void {
    const isNews = state.version !== this.#state.version || state.count !== this.#state.count;
    this.#state = state;
    if (isNews) this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #troubled(error: Error): void {
    this.#problem = error.message;
    const nowMs = this.#parts.clock.monotonic();
    if (nowMs - this.#troubledAtMs < TROUBLE_INTERVAL_MS) return;
    this.#troubledAtMs = nowMs;
    this.#parts.onTrouble(`suppression: ${error.message}`);
  }
}

/** What becomes of a message all of whose recipients are listed, or one that may not go on whole. */
export function decide(
  message: Message,
  mode: Mode,
  entries: readonly SuppressionEntry[],
): Decision {
  const [entry] = entries;
  if (entry === undefined || mode === 'off') return 'keep';
  if (mode === 'reject')
    return { kind: 'reject', code: 550, text: refusalText(entry), state: 'suppressed' };
  message.setMeta(META_MARK, entries.map(describeEntry).join('; '));
  if (mode === 'null') {
    message.setMeta('queue', 'null');
    return { kind: 'discard', state: 'suppressed' };
  }
  const text = (key: string): string | null => {
    const value = message.getMeta(key);
    return typeof value === 'string' ? value : null;
  };
  message.setMeta(META_REPLY, refusalText(entry));
  // Campaign and tenant stay in the queue's name, so that the records still tell them.
  message.setMeta(
    'queue',
    formatQueueName({
      campaign: text('campaign'),
      tenant: text('tenant'),
      domain: BOUNCE_QUEUE,
      routingDomain: null,
    }),
  );
  return 'keep';
}

/** Null for what is no address: nobody can list it. */
function keyOf(email: string, sendingDomain: string): SuppressionKey | null {
  try {
    return { recipient: normalizeRecipient(email), sendingDomain };
  } catch {
    return null;
  }
}
