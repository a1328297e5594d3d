/**
 * Maildir files are not flushed one by one in ordinary mode: the store has the bytes. After an
 * unclean stop, deliveries since the last mark are compared with the folders and what a power cut
 * took is written again. The mark follows a minute behind, which is longer than a kernel keeps
 * written pages to itself.
 */
import { isAbsolute, join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { reconcileMaildirs } from '../maildir/reconcile.ts';
import type { ExpectedFile, ReconcileReport } from '../maildir/reconcile.ts';
import type { SqliteStore } from '../store/sqlite-store.ts';

const SETTING = 'maildirsFlushedThrough';
const MARK_INTERVAL_MS = 60_000;
const PAGE = 500;

export class MaildirRepair {
  readonly #store: SqliteStore;
  readonly #clock: Clock;
  readonly #workspace: string;
  #timer: Timer | null = null;
  #minuteAgo: number;

  /** @param clock real time */
  constructor(store: SqliteStore, clock: Clock, workspace: string) {
    this.#store = store;
    this.#clock = clock;
    this.#workspace = workspace;
    this.#minuteAgo = store.lastAttemptId;
  }

  /** Null after a clean stop: nothing can be missing. Marks from here on. */
  async repair(): Promise<ReconcileReport | null> {
    const report = this.#store.wasClosed ? null : await reconcileMaildirs(this.#expected());
    this.#arm();
    return report;
  }

  close(): void {
    this.#timer?.cancel();
  }

  async *#expected(): AsyncIterable<ExpectedFile> {
    let afterAttempt = Number(this.#store.getSetting(SETTING) ?? 0);
    for (;;) {
      const deliveries = await this.#store.read('maildirDeliveries', { afterAttempt, limit: PAGE });
      for (const { path, unique, rowSeq, attemptId } of deliveries) {
        afterAttempt = attemptId;
        yield {
          path: isAbsolute(path) ? path : join(this.#workspace, path),
          unique,
          dirMode: null,
          fileMode: null,
          load: async () =>
            (await this.#store.read('body', { seq: rowSeq, which: 'final' }))?.bytes ?? null,
        };
      }
      if (deliveries.length < PAGE) return;
    }
  }

  #arm(): void {
    this.#timer = this.#clock.timer(MARK_INTERVAL_MS, () => {
      this.#store.setSetting(SETTING, String(this.#minuteAgo));
      this.#minuteAgo = this.#store.lastAttemptId;
      this.#arm();
    });
  }
}
