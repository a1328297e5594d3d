/** `postyard serve`: the engine of a workspace with its window, until SIGINT or SIGTERM. */
import { WorkspaceEngine } from '../workspace-engine.ts';
import { greeting } from '../compose/greeting.ts';
import type { Restart } from '../compose/restarts.ts';
import { findWorkspace } from '../workspace/layout.ts';
import { callersFolder, readOptions } from './command.ts';
import type { Command } from './command.ts';
import { readListenAddress } from './listen-address.ts';
import { openBrowser } from './open-browser.ts';
import { runAgain, takeEarlierAddresses } from './run-again.ts';
import { stopSignal } from './stop-signal.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'Run the engine of a workspace: SMTP, queues, and the window in a browser',
  usage:
    'serve [--workspace DIR] [--smtp IP:PORT] [--http IP:PORT] [--ui IP:PORT] [--open] [--expose]',
  options: [
    ['--workspace DIR', 'the folder to serve; made when it is not there'],
    ['--smtp IP:PORT', "where the policy's first ESMTP listener listens; port 0 takes a free one"],
    ['--http IP:PORT', "the same for the policy's first HTTP listener"],
    ['--ui IP:PORT', 'the same for the window and its API'],
    ['--open', 'open the window in the default browser'],
    ['--expose', 'allow addresses that other machines can reach'],
  ],
  async run(args) {
    const options = readOptions(args, {
      workspace: { type: 'string' },
      smtp: { type: 'string' },
      http: { type: 'string' },
      ui: { type: 'string' },
      open: { type: 'boolean' },
      expose: { type: 'boolean' },
    });
    for (const name of ['smtp', 'http', 'ui'] as const) {
      const given = options[name];
      if (given !== undefined) readListenAddress(`--${name}`, given, options.expose === true);
    }
    const stopped = stopSignal();
    const again = Promise.withResolvers<Restart>();
    const starting = WorkspaceEngine.start(
      findWorkspace(options.workspace, callersFolder()),
      {
        ...(options.smtp !== undefined && { smtp: options.smtp }),
        ...(options.http !== undefined && { http: options.http }),
        ...(options.ui !== undefined && { ui: options.ui }),
        ...(options.expose === true && { expose: true }),
      },
      takeEarlierAddresses(),
      again.resolve,
    );
    const engine = await Promise.race([starting, again.promise]);
    // The policy hung before anything was served.
    if (!(engine instanceof WorkspaceEngine)) return runAgain(engine);
    process.stdout.write(`${greeting(engine)}\n`);
    if (options.open === true) await openBrowser(engine.windowUrl);
    const restart = await Promise.race([stopped.then(() => null), again.promise]);
    if (restart?.cause !== 'hang') await engine.stop();
    return restart === null ? 0 : runAgain(restart);
  },
};
