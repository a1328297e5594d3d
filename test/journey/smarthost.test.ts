/** Relaying to a smarthost: by routing domain and by mx_list, to servers that are not ours. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AttemptList } from '../../engine/api/protocol.ts';
import { DEADLINE_MS, recordsOf, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { findTool } from '../support/tools.ts';

interface Received {
  readonly to: readonly string[];
  readonly text: string;
  readonly session: string;
}

const received: Received[] = [];
const server = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  logger: false,
  onData(stream, session, done) {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      received.push({
        to: session.envelope.rcptTo.map(({ address }) => address),
        text: Buffer.concat(chunks).toString(),
        session: session.id,
      });
      done(null, 'taken by smtp-server');
    });
  },
});

const policy = (port: number, sinkPort: number): string => `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('smtp_server_message_received', function(msg)
  if msg:recipient().domain == 'routed.test' then
    msg:set_meta('routing_domain', 'my.smarthost.test')
  end
end)
kumo.on('get_queue_config', function(domain)
  if domain == 'listed.test' then
    return kumo.make_queue_config {
      protocol = {
        smtp = {
          mx_list = {
            { name = 'refuses.test', addr = '127.0.0.1:1' },
            'mail.smarthost.test:${port}',
          },
        },
      },
    }
  end
  if domain == 'sink.test' then
    return kumo.make_queue_config {
      protocol = { smtp = { mx_list = { '[127.0.0.1]:${sinkPort}' } } },
    }
  end
  return kumo.make_queue_config {}
end)
kumo.on('get_egress_path_config', function()
  return kumo.make_egress_path {
    smtp_port = ${port},
    enable_tls = 'Disabled',
    connection_limit = 1,
    prohibited_hosts = {},
  }
end)
`;
const ZONE = `$ORIGIN smarthost.test.
@     600 IN SOA ns admin 1 2 3 4 5
my    600 IN MX  10 mail
mail  600 IN A   127.0.0.1
`;

let engine: ServeProcess;
let sink: ChildProcess | null = null;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  const sinkPort = await freePort();
  const program = findTool('smtp-sink');
  if (program !== null) {
    const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    sink = spawn(program, [...asUser, '-c', `127.0.0.1:${sinkPort}`, '16'], { stdio: 'ignore' });
    await eventually('smtp-sink to listen', () => answers(sinkPort), DEADLINE_MS);
  }
  engine = await ServeProcess.start({
    policy: policy(port, sinkPort),
    files: { 'zones/smarthost.test.zone': ZONE },
  });
}, 90_000);
afterAll(async () => {
  sink?.kill();
  await engine[Symbol.asyncDispose]();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

const receivedFor = (to: string): Received[] => received.filter((one) => one.to.includes(to));

test(
  'routing_domain: the MX of the smarthost, the port of the path',
  { timeout: 90_000 },
  async () => {
    expect(await sendMail(engine, 'ada@routed.test')).toMatch(/^250 OK ids=/);
    const row = await rowTo(engine, 'ada@routed.test', 'delivered');
    expect(row).toMatchObject({
      queue: 'routed.test!my.smarthost.test',
      code: 250,
      attempts: 1,
      lastText: expect.stringContaining('taken by smtp-server') as string,
    });
    expect(await recordsOf(engine, row)).toEqual([
      ['Reception', 0, 250],
      ['Delivery', 0, 250],
    ]);
    expect(
      receivedFor('ada@routed.test').map(({ text }) => text.includes('Subject: A journey')),
    ).toEqual([true]);
  },
);

test(
  'several messages share one connection, each delivered once',
  { timeout: 90_000 },
  async () => {
    const users = ['u1', 'u2', 'u3', 'u4'].map((user) => `${user}@routed.test`);
    await Promise.all(users.map((to) => sendMail(engine, to)));
    for (const to of users) await rowTo(engine, to, 'delivered');
    expect(users.map((to) => receivedFor(to).length)).toEqual([1, 1, 1, 1]);
    const sessions = new Set(users.flatMap((to) => receivedFor(to).map(({ session }) => session)));
    expect(sessions.size).toBeLessThan(users.length);
  },
);

test(
  'mx_list: in its order, with its own port, the queue keeps its name',
  { timeout: 90_000 },
  async () => {
    await sendMail(engine, 'bob@listed.test');
    const row = await rowTo(engine, 'bob@listed.test', 'delivered');
    expect(row.queue).toBe('listed.test');
    expect(receivedFor('bob@listed.test').length).toBe(1);
    const { attempts } = await engine.api<AttemptList>(`/rows/${row.seq}/attempts`);
    const transcript = JSON.stringify(attempts.at(-1));
    expect(transcript).toMatch(/mail\.smarthost\.test/);
    expect(attempts.at(-1)?.peer).toMatch(/127\.0\.0\.1/);
  },
);

test('Debian’s smtp-sink takes it', { timeout: 90_000 }, async (context) => {
  if (sink === null) return context.skip('smtp-sink is not installed');
  await sendMail(engine, 'eve@sink.test');
  const row = await rowTo(engine, 'eve@sink.test', 'delivered');
  expect(row).toMatchObject({ code: 250, queue: 'sink.test', attempts: 1 });
});

function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    const done = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}
