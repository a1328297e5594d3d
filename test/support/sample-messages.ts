/** Messages as the world sends them: made by nodemailer and openssl, and malformed by hand. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import type { SendMailOptions } from 'nodemailer';
import { findTool } from './tools.ts';

export interface SampleMessage {
  readonly name: string;
  readonly bytes: Buffer;
}

export async function sampleMessages(): Promise<SampleMessage[]> {
  const samples = [...(await composed()), ...malformed()];
  const smime = signedBySmime();
  return smime === null ? samples : [...samples, smime];
}

async function composed(): Promise<SampleMessage[]> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const base = { from: 'Shop <orders@shop.example>', to: 'ada@example.com' };
  const messages: Record<string, SendMailOptions> = {
    plain: { ...base, subject: 'Plain', text: 'Hello\n.\n..two dots\nFrom the start' },
    html: { ...base, subject: 'HTML', html: '<p>Hello <b>you</b></p>', text: 'Hello you' },
    'non-ascii': {
      ...base,
      subject: 'Grüße aus Zürich 中文 🚀',
      text: 'Größe ü 中文\n'.repeat(50),
    },
    attachments: {
      ...base,
      subject: 'Two files',
      text: 'see below',
      attachments: [
        { filename: 'naïve.pdf', content: Buffer.alloc(70_000, 7) },
        { filename: 'a.txt', content: 'x' },
      ],
    },
    inline: {
      ...base,
      subject: 'Inline',
      html: '<img src="cid:logo">',
      attachments: [
        { filename: 'logo.png', cid: 'logo', content: Buffer.from('iVBORw0KGgo=', 'base64') },
      ],
    },
    calendar: {
      ...base,
      subject: 'Invitation',
      text: 'come',
      icalEvent: { method: 'REQUEST', content: 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n' },
    },
    'dkim-signed': {
      ...base,
      subject: 'Signed',
      text: 'signed text',
      dkim: { domainName: 'shop.example', keySelector: 's1', privateKey },
    },
  };
  const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const samples: SampleMessage[] = [];
  for (const [name, options] of Object.entries(messages)) {
    const { message } = await transport.sendMail(options);
    const bytes = message as Buffer;
    samples.push({
      name,
      bytes:
        bytes.subarray(-2).toString() === '\r\n'
          ? bytes
          : Buffer.concat([bytes, Buffer.from('\r\n')]),
    });
  }
  return samples;
}

function malformed(): SampleMessage[] {
  const head = 'From: a@shop.example\r\nTo: ada@example.com\r\n';
  const texts: Record<string, string> = {
    'no header end': 'Subject: only a header\r\n',
    'no headers at all': '\r\njust a body\r\n',
    'colon missing': `${head}This is no header\r\nSubject: late\r\n\r\nbody\r\n`,
    'boundary never closed': `${head}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\npart\r\n`,
    'boundary missing': `${head}Content-Type: multipart/mixed\r\n\r\nbody\r\n`,
    'unknown charset': `${head}Subject: =?x-nonsense?B?4pyT?= =?utf-8?Q?broken=ZZ?=\r\nContent-Type: text/plain; charset=x-nonsense\r\n\r\nbody\r\n`,
    'raw 8-bit headers': `${head}Subject: Gr\xfc\xdfe\r\n\r\n\xff\xfe\x80\r\n`,
    'broken base64': `${head}Content-Transfer-Encoding: base64\r\n\r\n!!!! not base64 @@\r\n`,
    'nested 60 deep': nested(60),
    '2,000 headers': `${head}${Array.from({ length: 2_000 }, (_, n) => `X-H${n}: ${n}\r\n`).join('')}\r\nbody\r\n`,
    'lines of 998 octets': `${head}\r\n${`${'x'.repeat(998)}\r\n`.repeat(5)}`,
    'NUL in the body': `${head}\r\na\0b\r\n`,
    dots: `${head}\r\n.\r\n..\r\n...\r\n.x\r\n`.replace('\r\n.\r\n', '\r\n. \r\n'),
  };
  return Object.entries(texts).map(([name, text]) => ({
    name,
    bytes: Buffer.from(text, 'latin1'),
  }));
}

function nested(depth: number): string {
  let text = 'Content-Type: text/plain\r\n\r\ndeep\r\n';
  for (let n = depth; n > 0; n--)
    text = `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n${text}\r\n--b${n}--\r\n`;
  return `Subject: deep\r\n${text}`;
}

function signedBySmime(): SampleMessage | null {
  if (findTool('openssl') === null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'postyard-smime-'));
  try {
    const file = (name: string): string => join(folder, name);
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        file('key'),
        '-out',
        file('crt'),
        '-days',
        '2',
        '-subj',
        '/CN=a@shop.example',
      ],
      { stdio: 'ignore' },
    );
    writeFileSync(file('in'), 'Content-Type: text/plain\r\n\r\nsigned\r\n');
    execFileSync(
      'openssl',
      [
        'smime',
        '-sign',
        '-in',
        file('in'),
        '-signer',
        file('crt'),
        '-inkey',
        file('key'),
        '-out',
        file('out'),
        '-subject',
        'S/MIME',
        '-from',
        'a@shop.example',
        '-to',
        'ada@example.com',
      ],
      { stdio: 'ignore' },
    );
    return {
      name: 's/mime signed',
      bytes: Buffer.from(readFileSync(file('out'), 'latin1').replace(/\r?\n/g, '\r\n'), 'latin1'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
