import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ApiDoors } from '../../../engine/api/doors.ts';
import type { LiveEvent, RecipientRow } from '../../../engine/api/protocol.ts';
import { startApiServer } from '../../../engine/api/server.ts';
import type { ApiServer } from '../../../engine/api/server.ts';
import { fakeDoors } from '../../support/fake-doors.ts';

let doors: ApiDoors;
let server: ApiServer;
const open: WebSocket[] = [];

beforeEach(async () => {
  doors = fakeDoors();
  server = await startApiServer(doors, { host: '127.0.0.1', port: 0 }, '/nowhere');
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.close();
  doors.live.close();
  await server.close();
});

interface Client {
  readonly events: LiveEvent[];
  readonly socket: WebSocket;
  closeCode: number | null;
}

async function connect(since: number | null = null, token = doors.token.text): Promise<Client> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/live`);
  open.push(socket);
  const client: Client = { events: [], socket, closeCode: null };
  socket.onmessage = ({ data }) => client.events.push(JSON.parse(String(data)) as LiveEvent);
  socket.onclose = ({ code }) => (client.closeCode = code);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error('The socket could not be opened'));
  });
  socket.send(JSON.stringify({ type: 'hello', token, since }));
  await vi.waitFor(() => expect(client.events.length + (client.closeCode ?? 0)).toBeGreaterThan(0));
  return client;
}

const row = (seq: number): RecipientRow => ({ seq }) as RecipientRow;

test('the first message authenticates; a wrong token closes the socket', async () => {
  expect((await connect()).events[0]).toMatchObject({ type: 'welcome', seq: 0 });
  expect((await connect(null, 'nonsense')).closeCode).toBe(4401);
});

test('rows are gathered: a burst is one event, changes of a row are merged', async () => {
  const client = await connect();
  for (let seq = 1; seq <= 500; seq++) doors.live.rowsAdded([row(seq)]);
  doors.live.rowsChanged([{ seq: 1, state: 'deferred' }]);
  doors.live.rowsChanged([{ seq: 1, state: 'delivered' }]);
  await vi.waitFor(() => expect(client.events.length).toBe(2));
  expect(client.events[1]).toMatchObject({
    type: 'rows',
    seq: 1,
    changed: [{ seq: 1, state: 'delivered' }],
  });
  expect((client.events[1] as unknown as { added: unknown[] }).added.length).toBe(500);
});

test('a window that was away continues where it was', async () => {
  const first = await connect();
  doors.live.maildirChanged('mail/a');
  doors.live.maildirChanged('mail/b');
  await vi.waitFor(() => expect(first.events.length).toBe(3));
  const second = await connect(1);
  await vi.waitFor(() => expect(second.events.length).toBe(2));
  expect(second.events.map((event) => [event.type, event.seq])).toEqual([
    ['welcome', 1],
    ['maildir', 2],
  ]);
});

test('a window that was away too long is told to resync', async () => {
  await connect();
  for (let n = 0; n < 600; n++) doors.live.maildirChanged(`mail/${n}`);
  const late = await connect(3);
  await vi.waitFor(() => expect(late.events.length).toBe(2));
  expect(late.events[1]).toMatchObject({ type: 'resync', seq: 600 });
});

test('more rows than a window can follow become a resync, not a loss', async () => {
  const client = await connect();
  for (let seq = 1; seq <= 2_500; seq++) doors.live.rowsAdded([row(seq)]);
  await vi.waitFor(() => expect(client.events[1]?.type).toBe('resync'));
});
