import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { TraceSockets } from '../../../../engine/api/kumo/trace-socket.ts';
import { clientWanted, serverWanted } from '../../../../engine/api/kumo/trace-wanted.ts';
import type { JsonValue } from '../../../../engine/mail/json.ts';
import { ReceptionWorld, until } from '../../../support/reception-fakes.ts';
import { SmtpScript } from '../../../support/smtp-script.ts';

interface Seen {
  readonly conn_meta: Record<string, JsonValue>;
  readonly payload: JsonValue;
}

async function watch(
  world: ReceptionWorld,
  request: object,
): Promise<AsyncDisposable & { seen: Seen[] }> {
  const traces = new TraceSockets(world.tracer, serverWanted);
  const server = createServer();
  server.on('upgrade', (incoming, socket, head) => traces.accept(incoming, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const seen: Seen[] = [];
  client.on('message', (data: Buffer) => seen.push(JSON.parse(data.toString()) as Seen));
  await new Promise<void>((resolve) => client.once('open', () => resolve()));
  client.send(JSON.stringify(request));
  return {
    seen,
    [Symbol.asyncDispose]: async () => {
      traces.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a watcher sees lines, calls with and without a handler, and what becomes of a message', async () => {
  await using world = await ReceptionWorld.open();
  await using trace = await watch(world, { terse: true });
  await using elsewhere = await watch(world, { source_addr: ['10.0.0.0/8'] });
  await using smtp = await SmtpScript.connect(world.address);
  await smtp.say('EHLO client.golden.test');
  await smtp.send('s@shop.test', ['one@alpha.test'], 'Subject: x\n\nhello\n');
  await smtp.say('QUIT');
  await until('the end of the session', () =>
    trace.seen.some(({ payload }) => payload === 'Closed'),
  );
  const payloads = trace.seen.map(({ payload }) => payload);
  expect(payloads[0]).toBe('Connected');
  expect(trace.seen[0]?.conn_meta).toMatchObject({ reception_protocol: 'ESMTP' });
  expect(payloads).toContainEqual({ Write: '220 mx.golden.test golden\r\n' });
  expect(payloads).toContainEqual({ Read: 'MAIL FROM:<s@shop.test>\r\n' });
  expect(
    payloads.filter((payload) => Object.hasOwn(Object(payload) as object, 'AbbreviatedRead')),
  ).toHaveLength(1);
  const calls = payloads.flatMap((payload) =>
    Object.hasOwn(Object(payload) as object, 'Callback')
      ? [(payload as { Callback: { name: string } }).Callback.name]
      : [],
  );
  expect(calls).toEqual([
    'smtp_server_get_dynamic_parameters',
    'smtp_server_connection_accepted',
    'smtp_server_ehlo',
    'smtp_server_mail_from',
    'get_listener_domain domain=shop.test',
    'get_listener_domain domain=alpha.test',
    'smtp_server_rcpt_to',
    'smtp_server_data',
    'smtp_server_split_transaction',
    'smtp_server_message_received',
  ]);
  expect(payloads).toContainEqual({
    MessageDisposition: expect.objectContaining({
      relay: true,
      log_arf: 'Ignore',
      queue: 'alpha.test',
      recipient: 'one@alpha.test',
      was_arf_or_oob: false,
      will_enqueue: true,
    }) as object,
  });
  expect(elsewhere.seen).toEqual([]);
});

test.each([
  [{}, true],
  [{ domain: ['dest.test'] }, true],
  [{ domain: ['other.test'] }, false],
  [{ mail_from: ['s@shop.test'], mx_host: ['mx.test'] }, true],
  [{ mail_from: ['x@shop.test'] }, false],
  // Lists and keys that the event does not have leave out nothing.
  [{ rcpt_to: ['x@dest.test'] }, true],
  [{ ready_queue: ['x'] }, true],
  [{ tenant: ['x'] }, true],
  [{ mx_addr: ['127.0.0.0/8'] }, true],
  [{ mx_addr: ['10.0.0.0/8'] }, false],
])('a watcher of deliveries that asks for %j: %s', (request, isWanted) => {
  const event = {
    conn_meta: {
      ...{ domain: 'dest.test', sender: 's@shop.test', recipient: ['a@dest.test'] },
      ...{ mx_host: 'mx.test', mx_address: '127.0.0.1:25', ready_queue_name: 'q' },
    },
    payload: { Write: 'Subject: x\r\n\r\nhello\r\n' },
    when: '',
  };
  expect(clientWanted(request).isWanted(event)).toBe(isWanted);
  expect(clientWanted({ ...request, terse: true }).shown(event).payload).toEqual({
    AbbreviatedWrite: { snippet: 'Subject: x', len: 21 },
  });
});
