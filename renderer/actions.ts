/**
 * The one registry of what can be done: id, words, keys and where it applies. Menus, the palette,
 * the context menu, toolbars and the keyboard all take their actions from here, so that each exists
 * once and its key cap can never lie.
 */
import type { IconName } from './parts/icons.ts';
import type { ListName, Screen } from './state/place.svelte.ts';
import type { Postyard } from './state/postyard.svelte.ts';
import { CLOCK_ACTIONS } from './actions/clock.ts';
import { COPY_ACTIONS } from './actions/copy.ts';
import { EXPECTATION_ACTIONS } from './actions/expectations.ts';
import { FAR_END_ACTIONS } from './actions/far-ends.ts';
import { GO_ACTIONS } from './actions/go.ts';
import { LAB_ACTIONS } from './actions/lab.ts';
import { LIST_ACTIONS } from './actions/list.ts';
import { LOG_ACTIONS } from './actions/log.ts';
import { MAIL_ACTIONS } from './actions/mail.ts';
import { MAILDIR_ACTIONS } from './actions/maildir.ts';
import { QUEUE_ACTIONS } from './actions/queue.ts';
import { RELEASE_ACTIONS } from './actions/release.ts';
import { ROUTE_ACTIONS } from './actions/routes.ts';
import { SAVE_ACTIONS } from './actions/save.ts';
import { SHARE_ACTIONS } from './actions/share.ts';
import { SUPPRESSION_ACTIONS } from './actions/suppression.ts';
import { TESTER_ACTIONS } from './actions/tester.ts';
import { WINDOW_ACTIONS } from './actions/window.ts';

/** In the order in which the palette shows them. */
export const ACTION_GROUPS = [
  ...['This message', 'This queue', 'This route', 'This far end', 'This record'],
  ...['Tester', 'Expectations', 'Lab', 'List', 'Clock', 'Suppression', 'Go to', 'Window'],
] as const;

type ActionGroup = (typeof ACTION_GROUPS)[number];

export interface Action {
  readonly id: string;
  readonly label: string;
  readonly group: ActionGroup;
  /** The same from a terminal, after `postyard`; absent where only the window is concerned. */
  readonly cli?: string;
  /** Each entry is one way to strike it: `g m`, `Mod+K`, `#`. The first is shown. */
  readonly keys?: readonly string[];
  /** Screens on which it applies; absent for all of them. */
  readonly screens?: readonly Screen[];
  /** Lists whose rows it is about; absent when it is not about rows. */
  readonly lists?: readonly ListName[];
  readonly icon?: IconName;
  /** Why it cannot run now; null when it can. */
  readonly refusal?: (yard: Postyard) => string | null;
  /** What it is about, beside the label: a number, an address. */
  readonly hint?: (yard: Postyard) => string;
  /** Not worth a line in the palette: moving the cursor. */
  readonly isSilent?: boolean;
  readonly run: (yard: Postyard) => void | Promise<void>;
}

export const ACTIONS: readonly Action[] = [
  ...MAIL_ACTIONS,
  ...RELEASE_ACTIONS,
  ...SAVE_ACTIONS,
  ...SHARE_ACTIONS,
  ...MAILDIR_ACTIONS,
  ...COPY_ACTIONS,
  ...QUEUE_ACTIONS,
  ...FAR_END_ACTIONS,
  ...TESTER_ACTIONS,
  ...EXPECTATION_ACTIONS,
  ...ROUTE_ACTIONS,
  ...CLOCK_ACTIONS,
  ...SUPPRESSION_ACTIONS,
  ...LAB_ACTIONS,
  ...LOG_ACTIONS,
  ...LIST_ACTIONS,
  ...GO_ACTIONS,
  ...WINDOW_ACTIONS,
];

const BY_ID = new Map(ACTIONS.map((action) => [action.id, action]));

export function action(id: string): Action {
  const found = BY_ID.get(id);
  if (!found) throw new Error(`Cannot find an action: id is ${id}, expected one of actions.ts`);
  return found;
}

/** What a shared file can be asked for: reading, finding, copying. Everything else needs an engine. */
const OF_SHARED_FILES: ReadonlySet<string> = new Set([
  ...['down', 'up', 'down-selecting', 'up-selecting', 'page-down', 'page-up', 'first', 'last'],
  ...['open', 'back', 'select', 'clear-selection', 'undo', 'filter', 'clear-filter'],
  ...['go-mail', 'go-log', 'shared-facts', 'palette', 'keys', 'tab-next', 'tab-before'],
  ...['detail-side', 'theme-system', 'theme-light', 'theme-dark'],
  ...['copy', 'copy-id', 'copy-recipient', 'copy-sender', 'copy-source'],
  ...['record-open-message', 'record-copy', 'log-save'],
]);

/** Whether it exists in this window at all: a shared file has no engine, an engine is no file. */
export function isOffered({ id }: Pick<Action, 'id'>, yard: Postyard): boolean {
  if (yard.engine.shared !== null) return OF_SHARED_FILES.has(id);
  return id !== 'shared-facts';
}

/** Applies on this screen, whether or not it can run this moment. */
export function applies(action: Action, yard: Postyard): boolean {
  const { screens, lists } = action;
  if (!isOffered(action, yard)) return false;
  if (screens && !screens.includes(yard.place.screen)) return false;
  return !lists || lists.includes(yard.listName);
}

export function refusalOf(action: Action, yard: Postyard): string | null {
  return action.refusal?.(yard) ?? null;
}

/** Runs it when it applies and nothing speaks against it; what goes wrong is said, never thrown. */
export async function perform(action: Action, yard: Postyard): Promise<void> {
  if (!applies(action, yard)) return;
  const refusal = refusalOf(action, yard);
  if (refusal !== null) return yard.toasts.say(`${action.label}: ${refusal}`);
  try {
    await action.run(yard);
  } catch (cause) {
    yard.toasts.fail(cause);
  }
}

export type Struck =
  | { readonly kind: 'action'; readonly action: Action }
  | { readonly kind: 'more' }
  | { readonly kind: 'none' };

/** What a sequence of keys means here: an action, the beginning of one, or nothing. */
export function struck(sequence: string, yard: Postyard): Struck {
  let kind: 'more' | 'none' = 'none';
  for (const candidate of ACTIONS) {
    if (!applies(candidate, yard)) continue;
    if (candidate.keys?.includes(sequence)) return { kind: 'action', action: candidate };
    if (candidate.keys?.some((keys) => keys.startsWith(`${sequence} `))) kind = 'more';
  }
  return { kind };
}
