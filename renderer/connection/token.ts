/**
 * The key to the engine. It comes once in the address's fragment, which is never sent over the wire,
 * is kept in this origin's storage and leaves the address bar at once; the screen to show may come with it. Never a cookie: cookies reach
 * every port of 127.0.0.1.
 *
 * Source: `docs/architecture.md`.
 */
const STORAGE_KEY = 'postyard:token';

/** The token from the address, else the one kept from before; null when there is none. */
export function takeToken(): string | null {
  const fragment = new URLSearchParams(location.hash.replace(/^#\/?/, ''));
  const fresh = fragment.get('token');
  if (fresh !== null && fresh !== '') {
    keepToken(fresh);
    const screen = fragment.get('screen');
    const place = screen === null ? '' : `#${screen}`;
    history.replaceState(history.state, '', location.pathname + location.search + place);
    return fresh;
  }
  return localStorage.getItem(STORAGE_KEY);
}

export function keepToken(token: string): void {
  localStorage.setItem(STORAGE_KEY, token);
}

export function dropToken(): void {
  localStorage.removeItem(STORAGE_KEY);
}

/** A token from what somebody pasted: the bare token or the whole address with its fragment. */
export function tokenFromText(text: string): string {
  return /[#&]token=([^&\s]+)/.exec(text)?.[1] ?? text.trim();
}
