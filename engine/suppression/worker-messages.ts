/** What passes between the list's door on the main thread and its worker: types only. */
import type { EpochMs } from '../base/clock.ts';
import type { WorkerAnswer } from '../base/request-worker.ts';
import type { NewEntry, SuppressionEntry, SuppressionKey } from './entry.ts';
import type { AddReport, ListPage, PageRequest, RemovedKey } from './suppression-table.ts';
import type { ImportSource, ListFormat, RefusedLine } from './transfer.ts';

export interface ImportReport extends AddReport {
  /** The first lines that are no entries, and how many there are. */
  readonly refused: readonly RefusedLine[];
  readonly refusedCount: number;
}

export interface Removal {
  readonly removed: readonly SuppressionEntry[];
  /** Puts them back, while it is known. */
  readonly undo: string;
}

/** The list as a whole; `version` grows with every change, whoever made it. */
export interface ListState {
  readonly count: number;
  readonly version: number;
}

/** Every request: its parameters and what it answers. */
export interface ListRequests {
  lookUp: { params: readonly SuppressionKey[]; result: readonly (SuppressionEntry | null)[] };
  page: { params: PageRequest; result: ListPage };
  add: {
    params: { entries: readonly NewEntry[]; whenListed: 'keep' | 'replace' };
    result: AddReport;
  };
  remove: {
    params: { ids: readonly number[]; keys: readonly RemovedKey[] };
    result: Removal;
  };
  undo: { params: string; result: number | null };
  importText: {
    params: { source: ImportSource; whenListed: 'keep' | 'replace' };
    result: ImportReport;
  };
  exportPage: {
    params: { cursor: string | null; text: string; format: ListFormat };
    result: { readonly text: string; readonly next: string | null };
  };
  countHits: { params: { ids: readonly number[]; atMs: EpochMs }; result: null };
  /** Notices what others wrote. */
  probe: { params: null; result: null };
}

export type RequestName = keyof ListRequests;

export type ListAnswer = WorkerAnswer & { readonly state: ListState | null };
