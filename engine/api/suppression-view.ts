/** The suppression list, its mode and its demo, as the window and the commands ask for them. */
import { Readable } from 'node:stream';
import { basename } from 'node:path';
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { suppressionAsLua } from '../suppression/as-lua.ts';
import { normalizeRecipient, normalizeSendingDomain } from '../suppression/entry.ts';
import type { NewEntry } from '../suppression/entry.ts';
import type { Suppression } from '../suppression/suppression.ts';
import type { ListFormat } from '../suppression/transfer.ts';
import type { SuppressionDoor } from './doors.ts';
import type {
  SuppressionAdd,
  SuppressionAdded,
  SuppressionChange,
  SuppressionDemoRequest,
  SuppressionDemoResult,
  SuppressionImport,
  SuppressionImported,
  SuppressionLua,
  SuppressionMode,
  SuppressionPage,
  SuppressionRemove,
  SuppressionRemoved,
  SuppressionStatus,
} from './protocol.ts';
import { ApiProblem } from './route.ts';
import type { SuppressionDemo } from './suppression-demo.ts';

export class SuppressionView implements SuppressionDoor {
  readonly #suppression: Suppression;
  readonly #demo: SuppressionDemo;
  readonly #mailClock: Clock;

  constructor(suppression: Suppression, demo: SuppressionDemo, mailClock: Clock) {
    this.#suppression = suppression;
    this.#demo = demo;
    this.#mailClock = mailClock;
  }

  status(): SuppressionStatus {
    const { settings, state, problem, list } = this.#suppression;
    const { mode, autoAdd } = settings;
    return { mode, autoAdd, ...state, problem, file: basename(list.file) };
  }

  change({ mode, autoAdd }: SuppressionChange): SuppressionStatus {
    this.#suppression.change({
      ...(mode !== undefined && { mode }),
      ...(autoAdd && { autoAdd: { ...this.#suppression.settings.autoAdd, ...autoAdd } }),
    });
    return this.status();
  }

  page(cursor: string | null, limit: number, text: string): Promise<SuppressionPage> {
    return this.#suppression.list.ask('page', { cursor, limit, text });
  }

  add({ entries }: SuppressionAdd): Promise<SuppressionAdded> {
    const sinceMs = this.#mailClock.now();
    const made = entries.map(({ recipient, sendingDomain, reason }): NewEntry => ({
      recipient: valid(() => normalizeRecipient(recipient)),
      sendingDomain: valid(() => normalizeSendingDomain(sendingDomain ?? '')),
      reason: reason ?? '',
      ...{ origin: 'hand', sinceMs, source: '', recordSeq: null, rowSeq: null },
    }));
    return this.#suppression.list.ask('add', { entries: made, whenListed: 'keep' });
  }

  async remove({ ids = [], keys = [] }: SuppressionRemove): Promise<SuppressionRemoved> {
    const wanted = keys.map(({ recipient, sendingDomain }) => ({
      recipient: valid(() => normalizeRecipient(recipient)),
      sendingDomain:
        sendingDomain === undefined ? null : valid(() => normalizeSendingDomain(sendingDomain)),
    }));
    const { removed, undo } = await this.#suppression.list.ask('remove', { ids, keys: wanted });
    return { removed: removed.length, undo };
  }

  undo(token: string): Promise<number | null> {
    return this.#suppression.list.ask('undo', token);
  }

  async importText(request: SuppressionImport): Promise<SuppressionImported> {
    const { format, text, label = 'import', whenListed = 'keep' } = request;
    const source = { format, text, label, nowMs: this.#mailClock.now() };
    try {
      return await this.#suppression.list.ask('importText', { source, whenListed });
    } catch (error) {
      throw new ApiProblem(400, 'import', toError(error).message);
    }
  }

  exportText(format: ListFormat, text: string): Readable {
    return Readable.from(this.#exportPages(format, text));
  }

  lua(mode: Exclude<SuppressionMode, 'off'> | null): SuppressionLua {
    const { settings } = this.#suppression;
    const wanted = mode ?? (settings.mode === 'off' ? 'reject' : settings.mode);
    return { mode: wanted, ...suppressionAsLua(wanted, settings.autoAdd) };
  }

  demo(request: SuppressionDemoRequest): Promise<SuppressionDemoResult> {
    return this.#demo.run(request);
  }

  resetDemo(): Promise<void> {
    return this.#demo.reset();
  }

  async *#exportPages(format: ListFormat, text: string): AsyncGenerator<string> {
    let cursor: string | null = null;
    do {
      const page: { text: string; next: string | null } = await this.#suppression.list.ask(
        'exportPage',
        { cursor, text, format },
      );
      yield page.text;
      cursor = page.next;
    } while (cursor !== null);
  }
}

/** @throws {ApiProblem} 400 with what was wrong */
function valid<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ApiProblem(400, 'invalid', toError(error).message);
  }
}
