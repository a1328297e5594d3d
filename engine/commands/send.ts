/** `postyard send`: composes a message and hands it to an SMTP server, by default the running engine's. */
import { basename } from 'node:path';
import { createTransport } from 'nodemailer';
import type { SendMailOptions } from 'nodemailer';
import { addressHeader, flattenAddresses } from '../mail/address-list.ts';
import { readEngineFile } from '../workspace/engine-file.ts';
import { findWorkspace } from '../workspace/layout.ts';
import { UsageError, callersFolder, readAddress, readOptions } from './command.ts';
import type { Command } from './command.ts';
import { sayNoEngine } from './engine-client.ts';
import { readGiven } from './system-words.ts';

const COUNT_MAX = 100_000;

export const send: Command = {
  name: 'send',
  summary: 'Send a message through the running engine (or --server IP:PORT)',
  usage: 'send --to ADDRESS… [options]',
  options: [
    ['--to ADDRESS', 'a recipient; as often as there are recipients'],
    ['--from ADDRESS', 'the sender, in the envelope and in From'],
    ['--subject TEXT', 'the subject'],
    ['--body TEXT', 'the text; --text is the same'],
    ['--html FILE', 'an HTML body'],
    ['--attach FILE', 'an attachment; as often as there are attachments'],
    ['--header "Name: value"', 'one more header field; as often as there are fields'],
    ['--eml FILE', 'send these bytes as they are; --to and --from default to its header'],
    ['--count N', 'send it N times, over connections that are kept'],
    ['--server IP:PORT', 'another SMTP server than the running engine'],
    ['--user NAME, --password TEXT', 'log in first'],
    ['--workspace DIR', 'whose engine'],
  ],
  async run(args) {
    const options = readOptions(args, {
      workspace: { type: 'string' },
      server: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string', multiple: true },
      subject: { type: 'string', default: 'Test message' },
      text: { type: 'string' },
      body: { type: 'string' },
      html: { type: 'string' },
      attach: { type: 'string', multiple: true },
      header: { type: 'string', multiple: true },
      eml: { type: 'string' },
      count: { type: 'string', default: '1' },
      user: { type: 'string' },
      password: { type: 'string', default: '' },
    });
    const raw = options.eml === undefined ? null : readGiven('--eml', options.eml);
    const to = options.to ?? (raw === null ? [] : addressesOf(raw, ['To', 'Cc', 'Bcc']));
    if (to.length === 0) throw new UsageError('--to is missing, expected at least one address');
    for (const one of options.to ?? []) requireAddress('--to', one);
    if (options.from !== undefined && options.from !== '') requireAddress('--from', options.from);
    const from = options.from ?? (raw && addressesOf(raw, ['From'])[0]) ?? 'sender@shop.example';
    const count = Number(options.count);
    if (!Number.isInteger(count) || count < 1 || count > COUNT_MAX) {
      throw new UsageError(
        `--count is ${options.count}, expected a whole number from 1 to ${COUNT_MAX}`,
      );
    }
    const address = serverAddress(options.server, options.workspace);
    if (address === null) return 3;
    const message: SendMailOptions = {
      from,
      to,
      subject: options.subject,
      text: options.body ?? options.text ?? 'Sent by postyard send.\n',
      ...(options.html !== undefined && { html: readGiven('--html', options.html) }),
      attachments: (options.attach ?? []).map((path) => ({
        filename: basename(path),
        content: readGiven('--attach', path),
      })),
      headers: (options.header ?? []).map(headerOf),
      ...(raw !== null && { envelope: { from, to }, raw }),
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
  sayNoEngine(layout, ' (or give --server IP:PORT)');
  return null;
}

/** Something before an @ and something behind it; the rest is the server's to judge. */
function requireAddress(option: string, text: string): void {
  if (!/[^@\s]@[^@\s]/.test(text))
    throw new UsageError(`${option} is ${text}, expected an address such as alice@example.com`);
}

function headerOf(line: string): { key: string; value: string } {
  const colon = line.indexOf(':');
  if (colon < 1) throw new UsageError(`--header is "${line}", expected "Name: value"`);
  return { key: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
}

/** Mailboxes of these fields, groups opened. */
function addressesOf(raw: Uint8Array, fields: readonly string[]): string[] {
  return fields.flatMap((field) =>
    flattenAddresses(addressHeader(raw, field) ?? []).map(({ address }) => address),
  );
}
