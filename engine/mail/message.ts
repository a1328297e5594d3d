/**
 * A message: what a queue holds. One recipient, or one batch of them, of one transaction.
 *
 * The body and metadata may be absent from memory (`isLoaded`): a million waiting messages are
 * numbers in the queue and rows in the store. Whoever needs the content asks the store to load it.
 *
 * Source: KumoMTA `Message`.
 */
import { createdMsOf } from '../base/ids.ts';
import type { EpochMs } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import type { EnvelopeAddress } from './envelope.ts';
import { isBoxed, ownValue, type JsonObject, type JsonValue } from './json.ts';
import { formatQueueName } from './queue-name.ts';
import type { Scheduling } from './scheduling.ts';

/** Meta that a message-level route leaves on what it has decided about. */
export const ROUTE_META = 'postyard_route';

export interface MessageInit {
  id: SpoolId;
  sender: EnvelopeAddress;
  recipients: readonly EnvelopeAddress[];
  meta: JsonObject;
  data: Uint8Array;
}

export class Message {
  readonly id: SpoolId;
  /** `seq` of the first of this message's recipient rows; they are consecutive. 0 until stored. */
  rowSeq = 0;
  sender: EnvelopeAddress;
  recipients: EnvelopeAddress[];
  meta: JsonObject;
  numAttempts = 0;
  due: EpochMs | null = null;
  scheduling: Scheduling | null = null;
  /** Set when meta, sender, recipients or data changed since the store last saw them. */
  isDirty = false;
  /**
   * Which of the message's rows each recipient is: `rowSeq + rowOffsets[i]`. Null while that is
   * the recipient's own index, which ends when some recipients are done and leave the message.
   * The store keeps it with the recipients.
   */
  rowOffsets: readonly number[] | null = null;
  #data: Uint8Array | null;
  #isDozing = false;

  constructor(init: MessageInit) {
    this.id = init.id;
    this.sender = init.sender;
    this.recipients = [...init.recipients];
    this.meta = init.meta;
    this.#data = init.data;
  }

  get createdMs(): EpochMs {
    return createdMsOf(this.id);
  }

  /** Bytes of the body in memory; 0 when it was unloaded or dozes (KumoMTA's `size`). */
  get residentSize(): number {
    return this.#isDozing ? 0 : (this.#data?.byteLength ?? 0);
  }

  /** Rows of the recipients that are still in the message, in their order. */
  get rowSeqs(): number[] {
    return this.recipients.map((_, index) => this.rowSeq + (this.rowOffsets?.[index] ?? index));
  }

  /** Drops every recipient whose index `keep` refuses; their rows keep their numbers. */
  keepRecipients(keep: (index: number) => boolean): void {
    const kept = this.recipients.map((_, index) => index).filter(keep);
    if (kept.length === this.recipients.length) return;
    this.rowOffsets = kept.map((index) => this.rowOffsets?.[index] ?? index);
    this.recipients = kept.map((index) => this.recipients[index] as EnvelopeAddress);
    this.isDirty = true;
  }

  get isLoaded(): boolean {
    return this.#data !== null;
  }

  get isDozing(): boolean {
    return this.#isDozing;
  }

  /** The message as it will be delivered, trace headers included. */
  get data(): Uint8Array {
    if (this.#data === null) throw new Error(`Bug: the body of message ${this.id} is not loaded`);
    this.#isDozing = false;
    return this.#data;
  }

  set data(data: Uint8Array) {
    this.#data = data;
    this.#isDozing = false;
    this.isDirty = true;
  }

  /** Puts back a body that the store just read; unlike `data =` this does not make it dirty. */
  attachData(data: Uint8Array): void {
    this.#data = data;
    this.#isDozing = false;
  }

  /**
   * The body stays at hand but counts as unloaded until somebody reads it: KumoMTA forgets the
   * body of a message that waits, and its records say so; we may have it in memory all the same.
   */
  doze(): void {
    this.#isDozing = true;
  }

  /** It is about to be used: a body that is in memory counts again. */
  wake(): void {
    this.#isDozing = false;
  }

  /** Forgets the body; the store has it. */
  unload(): void {
    this.#data = null;
    this.#isDozing = false;
  }

  getMeta(key: string): JsonValue | undefined {
    const value = ownValue(this.meta, key);
    return value === null ? undefined : value;
  }

  setMeta(key: string, value: JsonValue): void {
    this.meta[key] = value;
    this.isDirty = true;
  }

  /**
   * The scheduled queue this message belongs to: meta `queue` as written, else composed of
   * campaign, tenant, the first recipient's domain and routing domain.
   *
   * @throws {Error} if one of those metas is neither a text nor null
   */
  queueName(): string {
    const queue = this.#metaText('queue');
    if (queue !== null) return queue;
    return formatQueueName({
      campaign: this.#metaText('campaign'),
      tenant: this.#metaText('tenant'),
      domain: (this.recipients[0]?.domain ?? '').toLowerCase(),
      routingDomain: this.#metaText('routing_domain'),
    });
  }

  /** The message-level route that decided about it; null when none did. */
  get routeName(): string | null {
    return routeNameIn(this.meta);
  }

  #metaText(key: string): string | null {
    const value = this.meta[key];
    if (value === undefined || value === null) return null;
    if (typeof value === 'string') return value;
    throw new Error(`expected '${key}' to be a string value, got Ok(${rustDebug(value)})`);
  }
}

/** The message-level route that left its mark in these metas. */
export function routeNameIn(meta: Readonly<JsonObject>): string | null {
  const decided = meta[ROUTE_META];
  if (typeof decided !== 'object' || decided === null || Array.isArray(decided)) return null;
  return typeof decided['name'] === 'string' ? decided['name'] : null;
}

/** serde_json's debug form, as KumoMTA prints it in that one error. */
function rustDebug(value: JsonValue): string {
  if (value === null) return 'Null';
  if (typeof value === 'boolean') return `Bool(${value})`;
  if (typeof value === 'number' || isBoxed(value)) return `Number(${JSON.stringify(value)})`;
  if (typeof value === 'string') return `String(${JSON.stringify(value)})`;
  if (Array.isArray(value)) return `Array [${value.map(rustDebug).join(', ')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = entries.map(([k, v]) => `${JSON.stringify(k)}: ${rustDebug(v)}`);
  return `Object {${texts.join(', ')}}`;
}
