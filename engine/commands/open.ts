/**
 * `postyard open`: the running engine's window, in the default browser; with a shared file, a
 * window on that file, until SIGINT or SIGTERM.
 */
import { resolve } from 'node:path';
import { SharedWindow } from '../compose/shared-window.ts';
import { readEngineFile } from '../workspace/engine-file.ts';
import { findWorkspace } from '../workspace/layout.ts';
import { UsageError, callersFolder, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { sayNoEngine } from './engine-client.ts';
import { readListenAddress } from './listen-address.ts';
import { openBrowser } from './open-browser.ts';
import { stopSignal } from './stop-signal.ts';

export const open: Command = {
  name: 'open',
  summary: 'Open the window of the running engine, or a shared file, in a browser',
  usage: 'open [FILE.postyard] [--workspace DIR] [--ui IP:PORT] [--expose] [--print]',
  options: [
    ['FILE.postyard', 'a file that "share" wrote: opened read-only, until Ctrl+C'],
    ['--workspace DIR', 'whose window; default: the workspace around, else ~/Postyard'],
    ['--ui IP:PORT', "where a shared file's window is served; default: a free port on 127.0.0.1"],
    ['--expose', 'allow an address that other machines can reach'],
    ['--print', 'print the address and open no browser'],
  ],
  async run(args) {
    const { values, positionals } = readArguments(args, {
      workspace: { type: 'string' },
      ui: { type: 'string' },
      expose: { type: 'boolean' },
      print: { type: 'boolean' },
    });
    const [file, ...more] = positionals;
    if (more.length > 0)
      throw new UsageError(`found "${positionals.join(' ')}", expected one shared file`);
    if (file !== undefined) {
      const listen = readListenAddress('--ui', values.ui ?? '127.0.0.1:0', values.expose === true);
      return openShared(resolve(callersFolder(), file), listen, values.print === true);
    }
    if (values.ui !== undefined)
      throw new UsageError('--ui is of no use here, expected a shared file with it');
    return openEngine(values.workspace, values.print === true);
  },
};

async function openShared(
  file: string,
  listen: { host: string; port: number },
  isPrinted: boolean,
): Promise<number> {
  const stopped = stopSignal();
  const window = await SharedWindow.open(file, listen, process.env['POSTYARD_TOKEN'] ?? null);
  // The desktop shell reads these, as of an engine.
  process.stderr.write(`ui listener on ${window.address}\ninitialization complete\n`);
  process.stdout.write(`${window.greeting()}\n`);
  if (!isPrinted) await openBrowser(window.url);
  await stopped;
  await window.close();
  return 0;
}

async function openEngine(workspace: string | undefined, isPrinted: boolean): Promise<number> {
  const layout = findWorkspace(workspace, callersFolder());
  const engine = readEngineFile(layout);
  if (engine === null) {
    sayNoEngine(layout);
    return 3;
  }
  const url = `${engine.url}/#token=${engine.token}`;
  process.stdout.write(`${url}\n`);
  if (!isPrinted) await openBrowser(url);
  return 0;
}
