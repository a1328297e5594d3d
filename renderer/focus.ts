/**
 * Focus by the names of lists and panes, which their elements carry as `data-list` and `data-pane`.
 * The root element knows whether keys or the pointer were used last: rows show their ring for keys.
 */
import type { ListName } from './state/place.svelte.ts';

export function focusList(name: ListName): void {
  document.querySelector<HTMLElement>(`[data-list='${name}']`)?.focus({ preventScroll: true });
}

/** The list the focus is in, or null. */
export function focusedList(): ListName | null {
  const element = document.activeElement?.closest<HTMLElement>('[data-list]');
  return (element?.dataset['list'] as ListName | undefined) ?? null;
}

export function focusDetail(): void {
  document
    .querySelector<HTMLElement>("[data-pane='detail'] [role='tab'][aria-selected='true']")
    ?.focus();
}

export function isInDetail(): boolean {
  return document.activeElement?.closest("[data-pane='detail']") !== null;
}

export function focusEditor(): void {
  // A file that was just opened is drawn first.
  requestAnimationFrame(() =>
    document.querySelector<HTMLElement>('#lab-editor .cm-content')?.focus(),
  );
}

/** The recipient: what one changes first. */
export function focusTester(): void {
  document.querySelector<HTMLElement>("[data-tester-field='to']")?.focus();
}

export function focusFilter(): void {
  const field = document.querySelector<HTMLInputElement>('#filter');
  field?.focus();
  field?.select();
}

export function isTyping(target: EventTarget | null): target is HTMLElement {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('input, textarea, select'))
  );
}

export function rememberInput(how: 'keys' | 'pointer'): void {
  document.documentElement.dataset['input'] = how;
}
