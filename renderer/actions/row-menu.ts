/**
 * The context menu of a list's row: at the pointer, or at the row under the cursor when the menu key
 * asked for it. What it offers are actions of the registry; a line stands between groups.
 */
import { action } from '../actions.ts';
import type { MenuItem } from '../state/place.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

interface RowMenu {
  readonly label: string;
  /** Ids of actions; `line` between groups. */
  readonly ids: readonly string[];
  /** Puts the cursor on the row with this element's id; false when it has no menu. */
  readonly choose: (elementId: string) => boolean;
}

export function openRowMenu(
  yard: Postyard,
  event: MouseEvent,
  { label, ids, choose }: RowMenu,
): void {
  event.preventDefault();
  const list = event.currentTarget as HTMLElement;
  const pointed = (event.target as Element).closest("[role='row'][id]");
  const row = pointed ?? document.getElementById(list.getAttribute('aria-activedescendant') ?? '');
  if (row === null || !choose(row.id)) return;
  const box = row.getBoundingClientRect();
  yard.place.openMenu({
    label,
    x: pointed ? event.clientX : box.left + 120,
    y: pointed ? event.clientY : box.bottom,
    items: ids.map((id): MenuItem =>
      id === 'line' ? { kind: 'line' } : { kind: 'action', action: action(id) },
    ),
  });
}

/** The place of a row whose element is called by it: `route-3`. */
export function placeOf(elementId: string): number {
  return Number(elementId.slice(elementId.lastIndexOf('-') + 1));
}
