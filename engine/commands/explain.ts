/** `postyard explain`: what would happen to a message, without anything happening. */
import type { ExplainRequest } from '../api/protocol.ts';
import { findWorkspace } from '../workspace/layout.ts';
import { UsageError, callersFolder, readOptions } from './command.ts';
import type { Command } from './command.ts';
import { openDryCommands } from './dry-doors.ts';
import { readHeader, readMeta, readScripts, readStubs, readSwitches } from './dry-options.ts';
import { explanationText } from './explain-text.ts';
import { readGiven } from './system-words.ts';

export const explain: Command = {
  name: 'explain',
  summary:
    'Say what would happen to a message: policy, routes, queue, plan, retries; nothing happens',
  usage:
    'explain --to ADDRESS… [--from ADDRESS] [--header "Name: value"…] [--meta KEY=VALUE…] [--auth USER[:PASSWORD]] [--eml FILE] [--row SEQ] [--peer IP] [--ehlo NAME] [--route NAME=on|off…] [--what-if NAME=on|off…] [--stubs FILE] [--script FILE…] [--save NAME [--into FILE]] [--json]',
  async run(args) {
    const options = readOptions(args, {
      workspace: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string', multiple: true },
      header: { type: 'string', multiple: true },
      meta: { type: 'string', multiple: true },
      auth: { type: 'string' },
      eml: { type: 'string' },
      row: { type: 'string' },
      peer: { type: 'string' },
      ehlo: { type: 'string' },
      route: { type: 'string', multiple: true },
      'what-if': { type: 'string', multiple: true },
      stubs: { type: 'string' },
      script: { type: 'string', multiple: true },
      save: { type: 'string' },
      into: { type: 'string', default: 'routing.json' },
      json: { type: 'boolean' },
    });
    if (options.to === undefined && options.row === undefined)
      throw new UsageError('--to is missing, expected at least one address');
    const layout = findWorkspace(options.workspace, callersFolder());
    const stubs = readStubs(options.stubs);
    const files = readScripts(layout, options.script ?? []);
    const { eml, row, from, to, peer, ehlo } = options;
    const request: ExplainRequest = {
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(options.header && { headers: options.header.map(readHeader) }),
      ...(options.meta && { meta: readMeta(options.meta) }),
      ...(options.auth !== undefined && { auth: readAuth(options.auth) }),
      ...(eml !== undefined && { eml: readGiven('--eml', eml).toString('utf8') }),
      ...(row !== undefined && { row: readRow(row) }),
      ...(peer !== undefined && { peer }),
      ...(ehlo !== undefined && { ehlo }),
      ...(options.route && { routes: readSwitches(options.route) }),
      ...(options['what-if'] && { whatIf: { routes: readSwitches(options['what-if']) } }),
      ...(stubs && { stubs }),
      ...(files && { files }),
    };
    await using dry = await openDryCommands(layout);
    const explanation = await dry.explain(request);
    const text =
      options.json === true ? JSON.stringify(explanation, null, 2) : explanationText(explanation);
    process.stdout.write(`${text}\n`);
    if (options.save !== undefined) {
      const saved = await dry.expect({ file: options.into, name: options.save, message: request });
      process.stdout.write(`\nSaved as "${saved.case}" in expectations/${saved.file}\n`);
    }
    return explanation.asIs.problem === null ? 0 : 1;
  },
};

function readAuth(text: string): { user: string; password?: string } {
  const colon = text.indexOf(':');
  return colon < 0
    ? { user: text }
    : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function readRow(text: string): number {
  const row = Number(text);
  if (!Number.isInteger(row) || row < 1)
    throw new UsageError(`--row is ${text}, expected the number of a row`);
  return row;
}
