/**
 * What the person at this computer chose about the window: theme, panes, columns, saved views. Kept
 * in this origin's storage; nothing of it concerns the mail.
 */
import type { DryStub } from '../../engine/api/protocol.ts';

export type Theme = 'system' | 'light' | 'dark';
type DetailSide = 'right' | 'bottom';
export type DetailTab =
  'message' | 'journey' | 'attempts' | 'source' | 'headers' | 'parts' | 'checks' | 'lua';
export type ColumnName = 'code' | 'from' | 'route' | 'tries' | 'size' | 'marks';

export interface SavedView {
  readonly name: string;
  readonly filter: string;
}

export interface Chosen {
  readonly theme: Theme;
  readonly detailSide: DetailSide;
  /** Share of the detail pane, by side, between 0 and 1. */
  readonly detailShare: Readonly<Record<DetailSide, number>>;
  readonly tab: DetailTab;
  readonly hiddenColumns: readonly ColumnName[];
  readonly views: readonly SavedView[];
  readonly openFolders: readonly string[];
  readonly previewWidth: 'phone' | 'tablet' | 'full';
  readonly previewTheme: 'light' | 'dark' | 'forced';
  readonly hiddenRecordTypes: readonly string[];
  readonly recordView: 'table' | 'lines';
  readonly recordShare: number;
  readonly queueShare: number;
  /** Of the Lab: messages and results beside the editor, results beside messages. */
  readonly labShares: { readonly right: number; readonly results: number };
  /** Answers for what a script asks the network in the Lab. */
  readonly labStubs: readonly DryStub[];
  /** Where messages were released to, the last one first. */
  readonly releasePlaces: readonly string[];
}

const STORAGE_KEY = 'postyard:chosen';

const DEFAULTS: Chosen = {
  theme: 'system',
  detailSide: 'right',
  detailShare: { right: 0.4, bottom: 0.5 },
  tab: 'message',
  hiddenColumns: [],
  views: [
    { name: 'Deferred now', filter: 'state:deferred' },
    { name: 'Bounced', filter: 'state:bounced' },
    { name: 'Rejected', filter: 'state:rejected' },
  ],
  openFolders: [],
  previewWidth: 'tablet',
  previewTheme: 'light',
  hiddenRecordTypes: [],
  recordView: 'table',
  recordShare: 0.33,
  queueShare: 0.38,
  labShares: { right: 0.56, results: 0.62 },
  labStubs: [],
  releasePlaces: [],
};

export class Preferences {
  #chosen = $state.raw<Chosen>(load());

  constructor() {
    wearTheme(this.#chosen.theme);
  }

  get chosen(): Chosen {
    return this.#chosen;
  }

  change(change: Partial<Chosen>): void {
    this.#chosen = { ...this.#chosen, ...change };
    if (change.theme !== undefined) wearTheme(change.theme);
    localStorage.setItem(STORAGE_KEY, JSON.stringify(this.#chosen));
  }
}

function load(): Chosen {
  try {
    const kept = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}') as Partial<Chosen>;
    return { ...DEFAULTS, ...kept };
  } catch {
    return DEFAULTS;
  }
}

function wearTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}
