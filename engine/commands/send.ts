/** `postyard send`: composes a message and hands it to an SMTP server, by default the running engine's. */
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { createTransport } from 'nodemailer';
import type { SendMailOptions } from 'nodemailer';
import { readEngineFile } from '../workspace/engine-file.ts';
import { findWorkspace } from '../workspace/layout.ts';
import { UsageError, callersFolder, readAddress, readOptions } from './command.ts';
import type { Command } from './command.ts';

const COUNT_MAX = 100_000;

export const send: Command = {
  name: 'send',
  summary: 'Send a message through the running engine (or --server IP:PORT)',
  usage:
    'send --to ADDRESS… [--from ADDRESS] [--subject TEXT] [--text TEXT] [--html FILE] [--attach FILE…] [--header "Name: value"…] [--eml FILE] [--count N] [--server IP:PORT] [--user NAME --password TEXT]',
  async run(args) {
    const options = readOptions(args, {
      workspace: { type: 'string' },
      server: { type: 'string' },
      from: { type: 'string', default: 'sender@shop.example' },
      to: { type: 'string', multiple: true },
      subject: { type: 'string', default: 'Test message' },
      text: { type: 'string' },
      html: { type: 'string' },
      attach: { type: 'string', multiple: true },
      header: { type: 'string', multiple: true },
      eml: { type: 'string' },
      count: { type: 'string', default: '1' },
      user: { type: 'string' },
      password: { type: 'string', default: '' },
    });
    const to = options.to ?? [];
    if (to.length === 0) throw new UsageError('--to is missing, expected at least one address');
    const count = Number(options.count);
    if (!Number.isInteger(count) || count < 1 || count > COUNT_MAX) {
      throw new UsageError(
        `--count is ${options.count}, expected a whole number from 1 to ${COUNT_MAX}`,
      );
    }
    const address = serverAddress(options.server, options.workspace);
    if (address === null) return 3;
    const folder = callersFolder();
    const file = (path: string): string => resolve(folder, path);
    const message: SendMailOptions = {
      from: options.from,
      to,
      subject: options.subject,
      text: options.text ?? 'Sent by postyard send.\n',
      ...(options.html !== undefined && { html: readFileSync(file(options.html)) }),
      attachments: (options.attach ?? []).map((path) => ({
        filename: basename(path),
        path: file(path),
      })),
      headers: (options.header ?? []).map(headerOf),
      ...(options.eml !== undefined && {
        envelope: { from: options.from, to },
        raw: readFileSync(file(options.eml)),
      }),
    };
    const transport = createTransport({
      ...address,
      pool: count > 1,
      ignoreTLS: true,
      ...(options.user !== undefined && { auth: { user: options.user, pass: options.password } }),
    });
    try {
      for (let sent = 0; sent < count; sent++) {
        const { response } = await transport.sendMail(message);
        if (count === 1) process.stdout.write(`${response}\n`);
      }
    } finally {
      transport.close();
    }
    if (count > 1) process.stdout.write(`${count} messages were accepted\n`);
    return 0;
  },
};

function serverAddress(
  server: string | undefined,
  workspace: string | undefined,
): { host: string; port: number } | null {
  if (server !== undefined) return readAddress('--server', server);
  const layout = findWorkspace(workspace, callersFolder());
  const smtp = readEngineFile(layout)?.smtp;
  if (smtp) return readAddress('smtp', smtp);
  process.stderr.write(
    `No engine is running for ${layout.root}; start one with: postyard serve (or give --server IP:PORT)\n`,
  );
  return null;
}

function headerOf(line: string): { key: string; value: string } {
  const colon = line.indexOf(':');
  if (colon < 1) throw new UsageError(`--header is "${line}", expected "Name: value"`);
  return { key: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
}
