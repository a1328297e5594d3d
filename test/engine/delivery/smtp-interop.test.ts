/** The delivering client against servers that others wrote: nodemailer's smtp-server, postfix's smtp-sink. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerOptions } from 'smtp-server';
import { certificate } from '../../support/certificates.ts';
import { testMessage } from '../../support/delivery.ts';
import { deliver, outcomes, TestSmtpClient } from '../../support/smtp-client.ts';
import { findTool } from '../../support/tools.ts';

let client: TestSmtpClient;

beforeEach(() => {
  client = new TestSmtpClient();
});

afterEach(() => client.end());

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly body: string;
  readonly isTls: boolean;
  readonly user: string | undefined;
}

async function withServer(
  options: SMTPServerOptions,
  work: (port: number, received: Received[]) => Promise<void>,
): Promise<void> {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    ...options,
    onAuth: (auth, _session, callback) => {
      if (auth.password === 'right') callback(null, { user: auth.username });
      else callback(new Error('wrong password'));
    },
    onRcptTo: ({ address }, _session, callback) => {
      callback(address.startsWith('gone') ? new Error('no such user') : null);
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          body: Buffer.concat(chunks).toString(),
          isTls: session.secure,
          user: session.user,
        });
        callback(null);
      });
    },
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  try {
    await work((server.server.address() as AddressInfo).port, received);
  } finally {
    await new Promise<void>((resolve) => server.close(resolve));
  }
}

test('smtp-server: several recipients, dots, a reused connection', async () => {
  await withServer({ disabledCommands: ['STARTTLS', 'AUTH'] }, async (port, received) => {
    const session = await client.planned([port]);
    const body = 'Subject: x\r\n\r\n.dot\r\n..\r\nno end';
    const first = testMessage({ to: ['a@dest.test', 'gone@dest.test', 'b@dest.test'], body });
    expect(outcomes(await deliver(session, first)).map((text) => text.slice(0, 21))).toEqual([
      'delivered 0,2 250 OK:',
      'bounced 1 550 no such',
    ]);
    await deliver(session, testMessage({ from: '' }));
    expect(received).toMatchObject([
      { from: 'sender@shop.test', to: ['a@dest.test', 'b@dest.test'], body: `${body}\r\n` },
      { from: '', to: ['a@dest.test'] },
    ]);
    await session.close();
  });
});

test('smtp-server: STARTTLS, a verified certificate and AUTH PLAIN', async () => {
  const authority = await certificate({ name: 'Test Authority', isAuthority: true });
  const pair = await certificate({ name: 'mx1.sink.test', signedBy: authority });
  client = new TestSmtpClient({ authorities: [authority.cert] });
  await withServer(
    { cert: pair.cert, key: pair.key, authOptional: false },
    async (port, received) => {
      const path = {
        enableTls: 'Required',
        smtpAuthPlainUsername: 'user',
        smtpAuthPlainPassword: { kind: 'data', data: Buffer.from('right') },
      } as const;
      const session = await client.planned([port], path);
      expect(outcomes(await deliver(session))[0]).toMatch(/^delivered 0 250/);
      expect(received).toMatchObject([{ isTls: true, user: 'user' }]);
      await session.close();
      const wrong = {
        ...path,
        smtpAuthPlainPassword: { kind: 'data', data: Buffer.from('no') },
      } as const;
      expect(await client.connectError([port], wrong)).toMatch(
        /AUTH PLAIN: Command rejected Response \{ code: 535/,
      );
    },
  );
});

test('smtp-server: LMTP', async () => {
  await withServer(
    { lmtp: true, disabledCommands: ['STARTTLS', 'AUTH'] },
    async (port, received) => {
      const session = await client.planned([port], { useLmtp: true });
      const message = testMessage({ to: ['a@dest.test', 'b@dest.test'] });
      const report = await deliver(session, message);
      const kinds = report.outcomes.map(({ kind, recipients }) => `${kind} ${String(recipients)}`);
      expect(kinds).toEqual(['delivered 0,1']);
      expect(received).toMatchObject([{ to: ['a@dest.test', 'b@dest.test'] }]);
      await session.close();
    },
  );
});

const smtpSink = findTool('smtp-sink');

test.skipIf(smtpSink === null)('postfix smtp-sink: bodies arrive byte for byte', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'postyard-sink-'));
  const port = await freePort();
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  if (user.length > 0) chmodSync(folder, 0o777);
  const sink = spawn(smtpSink ?? '', [...user, '-d', 'mail.%M.', `127.0.0.1:${port}`, '10'], {
    cwd: folder,
    stdio: 'ignore',
  });
  try {
    const session = await vi.waitFor(async () => {
      const open = await client.planned([port]);
      await open.connect([testMessage()]);
      return open;
    }, 5000);
    const line = `.dot ${'x'.repeat(500)}\r\n\r\n..\r\n`;
    const body = `Subject: x\r\n\r\n${line.repeat(200)}`;
    for (let i = 0; i < 3; i++) {
      const [outcome] = outcomes(await deliver(session, testMessage({ body })));
      expect(outcome).toMatch(/^delivered 0 250 2\.0\.0 Ok/);
    }
    await session.close();
    const files = await vi.waitFor(() => {
      const names = readdirSync(folder);
      expect(names).toHaveLength(3);
      return names.map((name) => readFileSync(join(folder, name), 'latin1'));
    }, 5000);
    // It writes lines with LF and its own trace headers in front.
    for (const text of files) expect(text).toContain(body.replaceAll('\r\n', '\n'));
  } finally {
    sink.kill();
    await once(sink, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
