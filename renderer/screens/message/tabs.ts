/** Tabs of the detail pane, in their order; the last ones move into a menu where there is no room. */
import type { DetailTab } from '../../state/preferences.svelte.ts';

export interface TabName {
  readonly name: DetailTab;
  readonly label: string;
}

export const TABS: readonly TabName[] = [
  { name: 'message', label: 'Message' },
  { name: 'journey', label: 'Journey' },
  { name: 'attempts', label: 'Attempts' },
  { name: 'source', label: 'Source' },
  { name: 'headers', label: 'Headers' },
  { name: 'parts', label: 'Parts' },
  { name: 'checks', label: 'Checks' },
  { name: 'lua', label: 'Lua' },
];
