/** `postyard open`: the running engine's window, in the default browser. */
import { readEngineFile } from '../workspace/engine-file.ts';
import { findWorkspace } from '../workspace/layout.ts';
import { callersFolder, readOptions } from './command.ts';
import type { Command } from './command.ts';
import { openBrowser } from './open-browser.ts';

export const open: Command = {
  name: 'open',
  summary: 'Open the window of the running engine in a browser',
  usage: 'open [--workspace DIR] [--print]',
  options: [
    ['--workspace DIR', 'whose window; default: the workspace around, else ~/Postyard'],
    ['--print', 'print the address and open nothing'],
  ],
  async run(args) {
    const options = readOptions(args, {
      workspace: { type: 'string' },
      print: { type: 'boolean' },
    });
    const layout = findWorkspace(options.workspace, callersFolder());
    const engine = readEngineFile(layout);
    if (engine === null) {
      process.stderr.write(
        `No engine is running for ${layout.root}; start one with: postyard serve\n`,
      );
      return 3;
    }
    const url = `${engine.url}/#token=${engine.token}`;
    process.stdout.write(`${url}\n`);
    if (options.print !== true) await openBrowser(url);
    return 0;
  },
};
