/** `postyard share`: messages of the running engine as one file that opens elsewhere. */
import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ShareRequest } from '../api/protocol.ts';
import { UsageError, callersFolder, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { EngineClient } from './engine-client.ts';

export const share: Command = {
  name: 'share',
  summary: 'Write messages with all that became of them into one file, secrets taken out',
  usage: 'share FILE.postyard [--id N,N… | --query FILTER] [--with-policy] [--workspace DIR]',
  options: [
    ['--id N,N…', 'rows by number, as the Mail list and the API number them; may be repeated'],
    ['--query FILTER', "messages that match, in the filter's language: state:bounced after:2h"],
    ['--with-policy', "the policy's texts go along, their secrets masked"],
    ['--force', 'write over a file that is there'],
    ['--workspace DIR', 'whose messages; default: the workspace around, else ~/Postyard'],
  ],
  async run(args) {
    const { values, positionals } = readArguments(args, {
      id: { type: 'string', multiple: true },
      query: { type: 'string' },
      'with-policy': { type: 'boolean' },
      force: { type: 'boolean' },
      workspace: { type: 'string' },
    });
    const [name, ...more] = positionals;
    if (name === undefined || more.length > 0)
      throw new UsageError(`found "${positionals.join(' ')}", expected: FILE.postyard`);
    if (values.id !== undefined && values.query !== undefined)
      throw new UsageError('found --id and --query, expected one of them');
    const file = resolve(callersFolder(), name);
    if (existsSync(file) && values.force !== true)
      throw new UsageError(`${file} exists, expected a new file; add --force to write over it`);
    const engine = EngineClient.find(values.workspace);
    if (engine === null) return 3;
    const request: ShareRequest = {
      ...(values.id !== undefined && { seqs: values.id.flatMap(numbersIn) }),
      ...(values.query !== undefined && { filter: values.query }),
      ...(values['with-policy'] === true && { withPolicy: true }),
    };
    const part = `${file}.part`;
    try {
      await pipeline(engine.bytes('/share', request), createWriteStream(part));
      renameSync(part, file);
    } catch (error) {
      rmSync(part, { force: true });
      throw error;
    }
    process.stdout.write(
      `${file}: ${Math.ceil(statSync(file).size / 1024)} KiB. Open it with: postyard open ${name}\n`,
    );
    return 0;
  },
};

function numbersIn(text: string): number[] {
  return text.split(',').map((word) => {
    const number = Number(word);
    if (!Number.isSafeInteger(number) || number < 1)
      throw new UsageError(`--id is ${text}, expected numbers of rows such as 17 or 17,18`);
    return number;
  });
}
