/**
 * What the desktop asks the application to open: `.eml` and `.postyard` files (double click, "open
 * with", dropped on the icon) and `postyard://` links. It comes as arguments of the first or a second start, or as
 * events; it waits until the engine is ready.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { EngineCommand } from './engine-process.ts';

export type Opened =
  | { readonly kind: 'file'; readonly path: string }
  /** A shared file: shown read-only, in a window of its own. */
  | { readonly kind: 'shared'; readonly path: string }
  /** `postyard://queues` shows that screen. */
  | { readonly kind: 'link'; readonly screen: string };

/** Everything to open among the arguments of a start; what is neither is not ours. */
export function openedByArguments(args: readonly string[], workingFolder: string): Opened[] {
  return args.flatMap((arg) => {
    const opened = openedByUrl(arg) ?? openedByFile(resolve(workingFolder, arg));
    return opened === null ? [] : [opened];
  });
}

export function openedByFile(path: string): Opened | null {
  if (!/\.(eml|postyard)$/i.test(path) || !existsSync(path)) return null;
  return { kind: /\.eml$/i.test(path) ? 'file' : 'shared', path };
}

/** Links come from anywhere: only the name of a screen is taken from them. */
export function openedByUrl(url: string): Opened | null {
  const screen = /^postyard:\/*([a-z-]{1,30})\/?$/i.exec(url)?.[1];
  return screen === undefined ? null : { kind: 'link', screen: screen.toLowerCase() };
}

/** Hands a file to the running engine with the engine's own command. Resolves to what went wrong. */
export function handOver(engine: EngineCommand, path: string): Promise<string | null> {
  const { executable, args, env } = engine;
  const [main = ''] = args;
  const workspace = args[args.indexOf('--workspace') + 1] ?? '';
  const child = spawn(executable, [main, 'send', '--workspace', workspace, '--eml', path], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    windowsHide: true,
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  return new Promise((done) => {
    child.once('error', (error) => done(error.message));
    child.once('close', (code) =>
      done(code === 0 ? null : (complaint.trim().split('\n')[0] ?? `ended with status ${code}`)),
    );
  });
}
