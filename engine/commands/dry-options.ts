/** Options that `explain` and `replay` share, and how they read. */
import { relative, resolve, sep } from 'node:path';
import { toError } from '../base/assert.ts';
import type { DryStub } from '../api/protocol.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import { UsageError, callersFolder } from './command.ts';
import { readGiven } from './system-words.ts';

/** `Name: value`. */
export function readHeader(line: string): { name: string; value: string } {
  const colon = line.indexOf(':');
  if (colon < 1) throw new UsageError(`--header is "${line}", expected "Name: value"`);
  return { name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
}

/** `key=value`; a value that is JSON is that value, else a text. */
export function readMeta(entries: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      if (at < 1) throw new UsageError(`--meta is "${entry}", expected key=value`);
      const value = entry.slice(at + 1);
      try {
        return [entry.slice(0, at), JSON.parse(value) as unknown];
      } catch {
        return [entry.slice(0, at), value];
      }
    }),
  );
}

/** `name=on`, `name=off`. */
export function readSwitches(entries: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(
    entries.map((entry) => {
      const [, name = '', state = ''] = /^(.+)=(on|off)$/.exec(entry) ?? [];
      if (name === '')
        throw new UsageError(`"${entry}" is no switch, expected ROUTE=on or ROUTE=off`);
      return [name, state === 'on'];
    }),
  );
}

/** A JSON file with a list of stubs. */
export function readStubs(file: string | undefined): DryStub[] | undefined {
  if (file === undefined) return undefined;
  const text = readGiven('--stubs', file).toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) throw new Error('found no list, expected a list of stubs');
    return value as DryStub[];
  } catch (error) {
    throw new UsageError(`--stubs ${file}: ${toError(error).message}`);
  }
}

/** Files as they are on disk, by what they stand for: a path in the policy folder, else `init.lua`. */
export function readScripts(
  layout: WorkspaceLayout,
  scripts: readonly string[],
): Record<string, string> | undefined {
  if (scripts.length === 0) return undefined;
  return Object.fromEntries(
    scripts.map((script) => {
      const [, target, file = script] = /^([^=]+\.lua)=(.+)$/.exec(script) ?? [];
      const path = resolve(callersFolder(), file);
      const below = relative(layout.policyFolder, path);
      const isInside = !below.startsWith('..') && !below.startsWith(sep);
      const text = readGiven('--script', file).toString('utf8');
      return [target ?? (isInside ? below : 'init.lua'), text];
    }),
  );
}
