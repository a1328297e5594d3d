/**
 * What `init` set up (listeners, spools, logs, hooks), noted as text that can be compared: `init`
 * runs once, so a saved policy that asks for something else needs a restart, and the window says
 * which of it changed.
 */

/** One call, such as `kumo.start_esmtp_listener { listen = '127.0.0.1:2525' }`. */
export interface SetupNote {
  /** `ESMTP listener`. */
  readonly what: string;
  /** What tells it from others of its kind: its address, its name. */
  readonly name: string;
  /** All parameters, canonical. */
  readonly parameters: Readonly<Record<string, string>>;
}

interface Kind {
  readonly what: string;
  /** The parameter that names it. */
  readonly key: string;
}

const KINDS: Readonly<Record<string, Kind>> = {
  start_esmtp_listener: { what: 'ESMTP listener', key: 'listen' },
  start_http_listener: { what: 'HTTP listener', key: 'listen' },
  define_spool: { what: 'spool', key: 'name' },
  configure_local_logs: { what: 'log', key: 'log_dir' },
  configure_log_hook: { what: 'log hook', key: 'name' },
  configure_log_disposition_hook: { what: 'disposition hook', key: 'name' },
  configure_bounce_classifier: { what: 'bounce classifier', key: '' },
};
/** A policy that calls these over and over is wrong; it must not fill the memory, too. */
const NOTES_MAX = 1_000;

/** Notes a call of a setup function; the same one twice is noted once. */
export function noteSetup(notes: SetupNote[], functionName: string, read: object): void {
  const kind = KINDS[functionName];
  if (kind === undefined || notes.length >= NOTES_MAX) return;
  const parameters = Object.fromEntries(
    Object.entries(read).map(([name, value]) => [name, canonical(value)]),
  );
  const given: unknown = (read as Record<string, unknown>)[kind.key];
  const note = { what: kind.what, name: typeof given === 'string' ? given : '', parameters };
  if (!notes.some((other) => isSame(other, note))) notes.push(note);
}

/**
 * What a restart would change, as one sentence; null when nothing.
 *
 * @param isWhole false when `after` may lack what comes later: then nothing counts as removed
 */
export function setupChange(
  before: readonly SetupNote[],
  after: readonly SetupNote[],
  isWhole: boolean,
): string | null {
  const removed = before.filter((note) => !after.some((other) => isSame(note, other)));
  const added = after.filter((note) => !before.some((other) => isSame(note, other)));
  const changes: string[] = [];
  for (const note of added) {
    const at = removed.findIndex((old) => old.what === note.what && old.name === note.name);
    const [old] = at < 0 ? [] : removed.splice(at, 1);
    changes.push(old === undefined ? `${titleOf(note)} added` : difference(old, note));
  }
  if (isWhole) for (const note of removed) changes.push(`${titleOf(note)} removed`);
  return changes.length === 0
    ? null
    : `init sets up something else since the start: ${changes.join('; ')}`;
}

function difference(old: SetupNote, now: SetupNote): string {
  const names = new Set([...Object.keys(old.parameters), ...Object.keys(now.parameters)]);
  const changed = [...names].filter((name) => old.parameters[name] !== now.parameters[name]);
  return `${titleOf(now)} changed (${changed.join(', ')})`;
}

function titleOf({ what, name }: SetupNote): string {
  return name === '' ? what : `${what} ${name}`;
}

function isSame(a: SetupNote, b: SetupNote): boolean {
  return (
    a.what === b.what &&
    a.name === b.name &&
    JSON.stringify(a.parameters) === JSON.stringify(b.parameters)
  );
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) => {
      if (typeof part === 'bigint') return String(part);
      if (part instanceof Map) return [...(part as Map<unknown, unknown>).entries()];
      if (part instanceof Uint8Array) return Buffer.from(part).toString('latin1');
      return part;
    }) ?? 'nothing'
  );
}
