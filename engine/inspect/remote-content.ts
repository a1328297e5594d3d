/**
 * What a mail's HTML would load from elsewhere: counted by host, and decided on. The frame's
 * Content-Security-Policy is the wall; this is what makes blocked content visible and countable.
 */

export interface RemoteHost {
  readonly host: string;
  readonly count: number;
}

/** Hosts shown; a mail that names more is summed up under the last ones. */
const HOSTS_MAX = 200;

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/;

export class RemoteContent {
  readonly #allowed: ReadonlySet<string> | null;
  readonly #counts = new Map<string, number>();

  /** @param allowedHosts besides loopback; null blocks everything, loopback too */
  constructor(allowedHosts: readonly string[] | null) {
    this.#allowed =
      allowedHosts === null ? null : new Set(allowedHosts.map((h) => h.toLowerCase()));
  }

  /** Counts a URL that would be loaded, and says whether it may. URLs inside the mail are not counted. */
  mayLoad(url: string): boolean {
    const host = remoteHost(url);
    if (host === null) return false;
    const isRoom = this.#counts.has(host) || this.#counts.size < HOSTS_MAX;
    const key = isRoom ? host : 'other hosts';
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return this.#allowed !== null && (LOOPBACK.test(host) || this.#allowed.has(host));
  }

  /** Most often named first. */
  hosts(): RemoteHost[] {
    return [...this.#counts]
      .map(([host, count]) => ({ host, count }))
      .sort((a, b) => b.count - a.count || (a.host < b.host ? -1 : 1));
  }
}

/** Null when the URL is no http(s) URL. */
export function remoteHost(url: string): string | null {
  // Browsers drop these characters before they look at a URL.
  const clean = url.replace(/[\t\r\n]/g, '').trim();
  if (!/^(https?:)?[/\\]{2}/i.test(clean)) return null;
  try {
    return new URL(clean, 'https://relative.invalid').hostname;
  } catch {
    return null;
  }
}
