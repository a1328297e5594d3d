/**
 * A log hook: each record becomes a message that the policy may put into a queue, so that its own
 * Lua delivers it (a webhook). Records about such messages make no hook messages: no loop.
 *
 * A hook holds at most `back_pressure` records at once; when it is full, whoever writes a record
 * waits. That is how a slow policy reaches the clients.
 *
 * Source: reference `http-logs-reception.md` §3.5; `lua-api.md` §5.2.
 */
import { toError } from '../base/assert.ts';
import type { SpoolIdSource } from '../base/ids.ts';
import { NULL_SENDER } from '../mail/envelope.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import { Message } from '../mail/message.ts';
import { parseEnvelopeAddress } from '../mail/path.ts';
import type { TemplateSources } from '../mail/template.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { LogHookSettings } from '../policy/settings.ts';
import { recordJson } from './build-record.ts';
import { checkTemplates, isEnabled, recordText } from './local-log.ts';
import type { LogRecord } from './record.ts';

/** How a hook's message gets into a queue; joined upward by `compose/engine-core.ts`. */
export interface HookQueue {
  /** Saves (unless deferred), resolves and inserts with reason Received. No Reception record. */
  enqueue(message: Message, deferredSpool: boolean): Promise<void>;
}

export interface LogHookDeps {
  readonly ids: SpoolIdSource;
  readonly policy: Pick<PolicyEvents, 'shouldEnqueueLogRecord'>;
  readonly hookQueue: HookQueue;
  readonly onError: (text: string) => void;
  /** Time and chance for the templates of records. */
  readonly sources: TemplateSources;
}

export class LogHook {
  readonly settings: LogHookSettings;
  readonly #deps: LogHookDeps;
  readonly #running = new Set<Promise<void>>();
  #waiting: (() => void)[] = [];

  constructor(settings: LogHookSettings, deps: LogHookDeps) {
    checkTemplates(settings.perRecord);
    this.settings = settings;
    this.#deps = deps;
  }

  get wantsHeaders(): boolean {
    return this.settings.headers.length > 0;
  }

  takes(record: LogRecord): boolean {
    return (
      record.reception_protocol !== 'LogRecord' && isEnabled(this.settings.perRecord, record.type)
    );
  }

  get isFull(): boolean {
    return this.#running.size >= this.settings.backPressure;
  }

  /** Resolves when there was room for it, not when it was handled. */
  async submit(record: LogRecord): Promise<void> {
    while (this.isFull) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const task = this.#handle(record).catch((error: unknown) => {
      this.#deps.onError(`log hook ${this.settings.name}: ${toError(error).message}`);
    });
    this.#running.add(task);
    void task.then(() => {
      this.#running.delete(task);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  /** Resolves when everything submitted so far was handled. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #handle(record: LogRecord): Promise<void> {
    const recipients = [record.recipient].flat().map(addressOf);
    const message = new Message({
      id: this.#deps.ids.next(),
      sender: addressOf(record.sender),
      recipients: recipients.length > 0 ? recipients : [NULL_SENDER],
      meta: { ...record.meta, log_record: recordJson(record), reception_protocol: 'LogRecord' },
      data: Buffer.from(recordText(this.settings.perRecord, record, this.#deps.sources)),
    });
    if (await this.#deps.policy.shouldEnqueueLogRecord(message, this.settings.name)) {
      await this.#deps.hookQueue.enqueue(message, this.settings.deferredSpool);
    }
  }
}

/** What a record holds was parsed once; a text that is none (never seen) is the null address. */
function addressOf(text: string): EnvelopeAddress {
  if (text === '') return NULL_SENDER;
  try {
    return parseEnvelopeAddress(text);
  } catch {
    return NULL_SENDER;
  }
}
