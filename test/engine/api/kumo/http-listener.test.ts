import { gzipSync, deflateSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { adminVerb } from '../../../../engine/api/kumo/admin-routes.ts';
import type { AdminDoor } from '../../../../engine/api/kumo/admin-door.ts';
import { KumoHttpListener } from '../../../../engine/api/kumo/http-listener.ts';
import type { KumoHttpDeps } from '../../../../engine/api/kumo/http-listener.ts';
import { Injector } from '../../../../engine/api/kumo/inject.ts';
import { CidrSet } from '../../../../engine/base/cidr.ts';
import { SystemClock } from '../../../../engine/base/clock.ts';
import { SpoolIdSource } from '../../../../engine/base/ids.ts';
import type { SpoolId } from '../../../../engine/base/ids.ts';
import { SeededRandom } from '../../../../engine/base/random.ts';
import { parseDiagnosticFilter } from '../../../../engine/log/diagnostic-filter.ts';
import { Metrics } from '../../../../engine/log/metrics.ts';
import { Message } from '../../../../engine/mail/message.ts';
import { parseEnvelopeAddress } from '../../../../engine/mail/path.ts';
import { PolicyError } from '../../../../engine/policy/events.ts';
import type { HttpListenerSettings } from '../../../../engine/policy/settings.ts';
import type { SessionFacts } from '../../../../engine/store/store.ts';
import { AdminRules } from '../../../../engine/queue/admin-rules.ts';
import { TraceHub } from '../../../../engine/reception/trace-hub.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { FakeLog, FakePolicy, FakeQueue } from '../../../support/reception-fakes.ts';

const SETTINGS: HttpListenerSettings = {
  listen: '127.0.0.1:0',
  hostname: 'http.golden.test',
  useTls: false,
  requestBodyLimit: 2 * 1024 * 1024,
  tlsCertificate: null,
  tlsPrivateKey: null,
  trustedHosts: new CidrSet(['127.0.0.1', '::1']),
};
const REQUEST = {
  envelope_sender: 'n@store.test',
  recipients: [{ email: 'a@dest.test' }],
  content: 'From: <shop@store.test>\nSubject: raw\n\nplain text\n',
};
const WAITING = 'd7ef132b5d7711eea1e0242ac1100003' as SpoolId;

const ORIGIN: SessionFacts = {
  id: '' as SessionFacts['id'],
  listener: '',
  peer: '',
  protocol: 'Lua',
  startedMs: 0,
  startedRealMs: 0,
  ehlo: null,
  tls: null,
  auth: null,
};

const open: KumoHttpListener[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((l) => l.close()));
});

/** Rules as the queue has them, without the queues behind. */
function fakeDoor(clock: SystemClock): AdminDoor {
  const rules = new AdminRules(clock, new SeededRandom(2), 'strict');
  const admin = {
    bounce: (rule: Parameters<AdminDoor['admin']['bounce']>[0]) =>
      rules.addBounce({ durationMs: 300_000, suppressLogging: false, ...rule }),
    suspend: (rule: Parameters<AdminDoor['admin']['suspend']>[0]) =>
      rules.addSuspension({ durationMs: 300_000, ...rule }),
    suspendReadyQueue: (rule: Parameters<AdminDoor['admin']['suspendReadyQueue']>[0]) =>
      rules.addReadySuspension({ durationMs: 300_000, ...rule }),
    bounces: () => rules.bounces(),
    suspensions: () => rules.suspensions(),
    readySuspensions: () => rules.readySuspensions(),
    removeBounce: (id: string) => rules.removeBounce(id),
    removeSuspension: (id: string) => rules.removeSuspension(id),
    removeReadySuspension: (id: string) => rules.removeReadySuspension(id) !== null,
    rebind: () => {},
    abortSession: (_queue: string, id: string) => id === 's1',
  };
  const lists = {
    find: (id: SpoolId) => (id === WAITING ? {} : null),
    inspectScheduled: (name: string) =>
      Promise.resolve(name === 'known.test' ? { queue_name: name } : null),
    inspectReady: () => null,
    readyStates: () => ({ states_by_ready_queue: {} }),
    gauges: () => ({ ready: [], scheduled: [] }),
  };
  return { admin, lists } as unknown as AdminDoor;
}

class World {
  readonly policy = new FakePolicy();
  readonly queue = new FakeQueue();
  readonly store = new MemoryStore();
  readonly door: AdminDoor;
  readonly deps: KumoHttpDeps;
  trouble: string | null = null;
  readonly audited: string[] = [];
  readonly tracer = new TraceHub(new SystemClock());

  constructor() {
    const clock = new SystemClock();
    const random = new SeededRandom(1);
    const metrics = new Metrics();
    this.door = fakeDoor(clock);
    const injector = new Injector({
      mailClock: clock,
      clock,
      random,
      ids: new SpoolIdSource(clock, random),
      events: this.policy.events,
      store: this.store,
      queue: this.queue,
      log: new FakeLog(),
      metrics,
      overlay: null,
      refusal: () => this.trouble,
      diagnostic: () => {},
    });
    this.deps = {
      mailClock: clock,
      clock,
      events: this.policy.events,
      injector,
      queues: this.door,
      store: this.store,
      mx: { lookupMx: () => Promise.reject(new Error('no dns')) },
      metrics,
      tracer: this.tracer,
      clientTracer: this.tracer,
      audit: {
        authentication: ({ identity, isSuccess }) => this.audited.push(`${identity} ${isSuccess}`),
        authorization: ({ access, privilege, matchingResource }) =>
          this.audited.push(`${access} ${privilege} ${matchingResource}`),
      },
      nodeId: 'node',
      spools: () => [{ name: 'meta', path: '/spool-meta' }],
      logFolders: () => [],
      liveness: () => this.trouble,
      bumpConfigEpoch: () => {},
      setDiagnosticFilter: (filter) => void parseDiagnosticFilter(filter),
      diagnostic: () => {},
      tls: { identity: () => Promise.reject(new Error('no tls')) },
    };
  }

  async listen(settings: Partial<HttpListenerSettings> = {}): Promise<Client> {
    const listener = await KumoHttpListener.open({ ...SETTINGS, ...settings }, this.deps);
    open.push(listener);
    return new Client(listener.address);
  }
}

class Client {
  readonly address: string;
  constructor(address: string) {
    this.address = address;
  }

  async send(
    method: string,
    path: string,
    options: { json?: unknown; body?: string | Buffer; headers?: Record<string, string> } = {},
  ): Promise<{ status: number; body: string; headers: Headers }> {
    const { json, headers = {} } = options;
    const body = json === undefined ? options.body : JSON.stringify(json);
    const response = await fetch(`http://${this.address}${path}`, {
      method,
      headers: {
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: new Uint8Array(Buffer.from(body)) }),
    });
    return {
      status: response.status,
      body: (await response.text()).replaceAll(this.address, '<addr>'),
      headers: response.headers,
    };
  }
}

const basic = (text: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(text).toString('base64')}`,
});

describe('injection over HTTP', () => {
  test('answers with counts, and takes gzip and deflate', async () => {
    const world = new World();
    const client = await world.listen();
    const plain = await client.send('POST', '/api/inject/v1', { json: REQUEST });
    expect([plain.status, JSON.parse(plain.body)]).toEqual([
      200,
      { success_count: 1, fail_count: 0, failed_recipients: [], errors: [] },
    ]);
    expect(plain.headers.get('content-type')).toBe('application/json');
    for (const [name, pack] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
    ] as const) {
      const { status } = await client.send('POST', '/api/inject/v1', {
        body: pack(JSON.stringify(REQUEST)),
        headers: { 'content-encoding': name, 'content-type': 'application/json' },
      });
      expect(status).toBe(200);
    }
    expect(world.queue.inserted).toHaveLength(3);
    expect(world.queue.inserted[0]?.meta).toMatchObject({
      http_auth: '127.0.0.1',
      received_via: '127.0.0.1',
      hostname: 'http.golden.test',
    });
  });

  test('refuses in the words of the original', async () => {
    const client = await new World().listen();
    const json = { 'content-type': 'application/json' };
    const send = async (body: string, headers: Record<string, string> = json): Promise<unknown> => {
      const answer = await client.send('POST', '/api/inject/v1', { body, headers });
      return [answer.status, answer.body];
    };
    expect(await send('{"envelope_sender":')).toEqual([
      400,
      'Failed to parse the request body as JSON: envelope_sender: EOF while parsing a value at line 1 column 19',
    ]);
    expect(await send('{}')).toEqual([
      422,
      'Failed to deserialize the JSON body into the target type: missing field `envelope_sender` at line 1 column 2',
    ]);
    expect(await send('{}', { 'content-type': 'text/plain' })).toEqual([
      415,
      'Expected request with `Content-Type: application/json`',
    ]);
    expect(await send(JSON.stringify({ ...REQUEST, content: { subject: 'x' } }))).toEqual([
      422,
      'Error: at least one of text_body and/or html_body must be given',
    ]);
    expect(await send(JSON.stringify({ ...REQUEST, content: 5 }))).toMatchObject([
      422,
      expect.stringContaining('content: data did not match any variant of untagged enum') as string,
    ]);
    expect(await send('x', { ...json, 'content-encoding': 'br' })).toEqual([415, '']);
  });

  test('limits the body by what comes out of the decompression', async () => {
    const client = await new World().listen({ requestBodyLimit: 1000 });
    const large = JSON.stringify({ ...REQUEST, content: 'x'.repeat(2000) });
    const expected = 'Failed to buffer the request body: length limit exceeded';
    for (const [body, headers] of [
      [large, {}],
      [gzipSync(large), { 'content-encoding': 'gzip' }],
    ] as const) {
      const answer = await client.send('POST', '/api/inject/v1', {
        body,
        headers: { 'content-type': 'application/json', ...headers },
      });
      expect([answer.status, answer.body]).toEqual([413, expected]);
    }
  });

  test('a store that is full, or an engine that is not up, is 503', async () => {
    const world = new World();
    const client = await world.listen();
    world.trouble = 'shutting down';
    expect(await client.send('POST', '/api/inject/v1', { json: REQUEST })).toMatchObject({
      status: 503,
      body: 'Error: shutting down',
    });
    expect(await client.send('GET', '/api/check-liveness/v1')).toMatchObject({
      status: 503,
      body: 'shutting down',
    });
  });
});

describe('who may do what', () => {
  test('strangers may ask whether it is up, and nothing else', async () => {
    const client = await new World().listen({ trustedHosts: new CidrSet(['192.0.2.1']) });
    const refused = '<Unauthenticated>@ ip=127.0.0.1 not permitted';
    expect(await client.send('GET', '/api/check-liveness/v1')).toMatchObject({
      status: 200,
      body: 'OK',
    });
    for (const [method, path] of [
      ['POST', '/api/inject/v1'],
      ['GET', '/metrics'],
      ['GET', '/api/admin/bounce/v1'],
    ] as const) {
      expect(await client.send(method, path)).toMatchObject({
        status: 401,
        body: `${refused} ${method} on http_listener/<addr>${path}`,
      });
    }
  });

  test('an unknown path is 404 without a word; a method nobody may use is 401; one without a route 405', async () => {
    const client = await new World().listen();
    expect(await client.send('POST', '/api/nothing/v1')).toMatchObject({ status: 404, body: '' });
    expect(await client.send('GET', '/api/inject/v1')).toMatchObject({ status: 401 });
    expect(await client.send('DELETE', '/api/admin/rebind/v1')).toMatchObject({ status: 405 });
  });

  test('a wrong or malformed header is refused, also from trusted peers; answers are kept', async () => {
    const world = new World();
    let calls = 0;
    world.policy.on('http_server_validate_auth_basic', (user: string, password: string) => {
      calls++;
      return user === 'api' && password === 'secret';
    });
    const client = await world.listen();
    const send = async (headers: Record<string, string>): Promise<unknown> => {
      const answer = await client.send('GET', '/api/check-liveness/v1', { headers });
      return [answer.status, answer.body];
    };
    expect(await send(basic('api:secret'))).toEqual([200, 'OK']);
    const failed = [401, 'HttpBasicAuth Authentication Failed for api'];
    expect(await send(basic('api:wrong'))).toEqual(failed);
    expect(await send(basic('api:wrong'))).toEqual(failed);
    expect(calls).toBe(2);
    const malformed = [400, 'Malformed or unsupported Authorization header'];
    expect(await send({ authorization: 'Basic ???' })).toEqual(malformed);
    expect(await send({ authorization: 'Digest x' })).toEqual(malformed);
  });

  test('a known identity may inject from anywhere and is named in metadata', async () => {
    const world = new World();
    world.policy.on('http_server_validate_auth_basic', () => true);
    world.policy.on('http_server_validate_auth_bearer', (token: string) =>
      token === 't'
        ? {
            peerAddress: null,
            identities: [{ identity: 'svc', context: 'BearerToken' }],
            groups: ['g'],
          }
        : false,
    );
    const client = await world.listen({ trustedHosts: new CidrSet([]) });
    const inject = (headers: Record<string, string>): Promise<{ status: number; body: string }> =>
      client.send('POST', '/api/inject/v1', { json: REQUEST, headers });
    expect((await inject(basic('api'))).status).toBe(200);
    expect((await inject({ authorization: 'Bearer t' })).status).toBe(200);
    expect((await inject({ authorization: 'Bearer u' })).status).toBe(401);
    expect(world.queue.inserted.map((m) => m.meta['http_auth'])).toEqual(['api', 'svc']);
    expect(await client.send('GET', '/metrics', { headers: basic('api') })).toMatchObject({
      body: 'id=[api]@ ip=127.0.0.1 not permitted GET on http_listener/<addr>/metrics',
    });
  });

  test('an event that fails is 500, kept like an answer and for that credential only', async () => {
    const world = new World();
    let fails = true;
    world.policy.on('http_server_validate_auth_basic', () => {
      if (fails) throw new PolicyError('boom');
      return true;
    });
    const client = await world.listen();
    const send = (credential: string): Promise<{ status: number; body: string }> =>
      client.send('GET', '/api/check-liveness/v1', { headers: basic(credential) });
    expect(await send('a:b')).toMatchObject({ status: 500, body: 'try again later' });
    fails = false;
    expect(await send('a:b')).toMatchObject({ status: 500, body: 'try again later' });
    expect(await send('a:c')).toMatchObject({ status: 200 });
  });

  test('lists of the policy come before the built-in ones', async () => {
    const world = new World();
    world.policy.on('get_acl_definition', (resource: string) =>
      resource === 'http_listener/*/metrics'
        ? [{ criteria: 'Any', privilege: 'GET', access: 'Deny' }]
        : null,
    );
    const client = await world.listen();
    expect(await client.send('GET', '/metrics')).toMatchObject({
      status: 401,
      body: '<Unauthenticated>@ ip=127.0.0.1 denied GET on http_listener/<addr>/metrics',
    });
    expect((await client.send('GET', '/metrics.json')).status).toBe(200);
  });
});

const WRONG = 'Failed to deserialize the JSON body into the target type: ';

describe('admin routes', () => {
  test('bounce: make, list, cancel', async () => {
    const client = await new World().listen();
    const url = '/api/admin/bounce/v1';
    const made = await client.send('POST', url, {
      json: { domain: 'slow.test', reason: 'cleaning', duration: '1h' },
    });
    const { id } = JSON.parse(made.body) as { id: string };
    expect(JSON.parse(made.body)).toEqual({ id, bounced: {}, total_bounced: 0 });
    expect(JSON.parse((await client.send('GET', url)).body)).toMatchObject([
      {
        id,
        campaign: null,
        domain: 'slow.test',
        reason: 'cleaning',
        bounced: {},
        total_bounced: 0,
      },
    ]);
    // Any spelling of a UUID will do.
    const bare = id.replaceAll('-', '').toUpperCase();
    const removed = await client.send('DELETE', url, { json: { id: bare } });
    expect([removed.status, removed.body]).toEqual([200, `removed ${id}`]);
    const again = await client.send('DELETE', url, { json: { id } });
    expect([again.status, again.body]).toEqual([404, `bounce entry ${id} not found`]);
    expect(await client.send('POST', url, { json: { reason: 'x', nope: 1 } })).toMatchObject({
      status: 422,
      body: expect.stringContaining('unknown field `nope`') as string,
    });
    expect((await client.send('DELETE', url, { json: { id: 'x' } })).status).toBe(422);
  });

  test('suspend, suspend-ready-q, rebind and abort answer as recorded', async () => {
    const client = await new World().listen();
    const post = async (path: string, json: unknown): Promise<unknown> => {
      const answer = await client.send('POST', path, { json });
      return [answer.status, answer.body.replace(/[0-9a-f-]{36}/, '<uuid>')];
    };
    expect(await post('/api/admin/suspend/v1', { reason: 'x', odd: 1 })).toEqual([
      200,
      '{"id":"<uuid>"}',
    ]);
    expect(await post('/api/admin/suspend-ready-q/v1', { name: 'q', reason: 'x' })).toEqual([
      200,
      '{"id":"<uuid>"}',
    ]);
    expect(await post('/api/admin/rebind/v1', { reason: 'x', data: { a: 'b' } })).toEqual([
      200,
      '{}',
    ]);
    expect(await post('/api/admin/rebind/v1', { reason: 'x', data: { a: 1 } })).toEqual([
      422,
      'Failed to deserialize the JSON body into the target type: data.a: invalid type: integer `1`, expected a string at line 1 column 27',
    ]);
    expect(await post('/api/admin/suspend/v1', { reason: 'x', duration: 'y' })).toEqual([
      422,
      'Failed to deserialize the JSON body into the target type: duration: invalid value: string "y", expected a duration at line 1 column 28',
    ]);
    expect(await post('/api/admin/suspend/v1', { reason: 'x', expires: 'soon' })).toEqual([
      422,
      `${WRONG}expires: input contains invalid characters at line 1 column 30`,
    ]);
    expect(await post('/api/admin/suspend/v1', { reason: 'x', expires: '2099-01-02' })).toEqual([
      422,
      `${WRONG}expires: premature end of input at line 1 column 36`,
    ]);
    expect(await post('/api/admin/bounce/v1', { reason: 'x', duration: -5 })).toEqual([
      422,
      `${WRONG}duration: duration must either be a string or a positive integer specifying the number of seconds. (error: out of range integral type conversion attempted) at line 1 column 27`,
    ]);
    expect((await client.send('GET', '/rapidoc')).body).toContain('/api/inject/v1');
    const abort = '/api/admin/abort-ready-q-conn/v1';
    expect(await post(abort, { queue_name: 'q', session_id: 's1' })).toEqual([200, 'aborted s1']);
    expect(await post(abort, { queue_name: 'q', session_id: 's2' })).toEqual([
      404,
      'no matching dispatcher for queue=q session=s2',
    ]);
    expect(await client.send('GET', '/api/admin/suspend/v1')).toMatchObject({ status: 200 });
  });

  test('inspecting a message needs an id that is one, and a message that waits', async () => {
    const world = new World();
    await world.store.saveMessage(
      new Message({
        id: WAITING,
        sender: parseEnvelopeAddress('s@x.test'),
        recipients: [parseEnvelopeAddress('a@x.test')],
        meta: { tenant: 'acme' },
        data: Buffer.from('Subject: s\r\n\r\nx\r\n'),
      }),
      'x.test',
      ORIGIN,
    );
    const client = await world.listen();
    const get = async (query: string): Promise<unknown> => {
      const answer = await client.send('GET', `/api/admin/inspect-message/v1${query}`);
      return [answer.status, answer.status === 200 ? JSON.parse(answer.body) : answer.body];
    };
    expect(await get(`?id=${WAITING}&want_body=true`)).toEqual([
      200,
      {
        id: WAITING,
        message: {
          sender: 's@x.test',
          recipient: 'a@x.test',
          meta: { tenant: 'acme' },
          data: 'Subject: s\r\n\r\nx\r\n',
        },
      },
    ]);
    const other = 'a7ef132b5d7711eea1e0242ac1100003';
    expect(await get(`?id=${other}`)).toEqual([
      500,
      `Error: failed to load ${other} from "/spool-meta/data/a7/ef/13/2b/5d7711eea1e0242ac1100003": No such file or directory (os error 2)`,
    ]);
    const query = 'Failed to deserialize query string: ';
    expect(await get('?id=zzz')).toEqual([400, `${query}id: invalid character: found \`z\` at 0`]);
    expect(await get('')).toEqual([400, `${query}missing field \`id\``]);
    expect(await get('?id=ab')).toEqual([400, `${query}id: invalid length: found 2`]);
  });

  test('queues that are not there are 404; switches answer with nothing', async () => {
    const client = await new World().listen();
    const get = async (path: string): Promise<unknown> => {
      const answer = await client.send('GET', path);
      return [answer.status, answer.body];
    };
    expect(await get('/api/admin/inspect-sched-q/v1?queue_name=none.test')).toEqual([
      404,
      'Error: no such queue none.test',
    ]);
    expect(await get('/api/admin/inspect-sched-q/v1?queue_name=known.test&limit=x')).toEqual([
      400,
      'Failed to deserialize query string: limit: invalid digit found in string',
    ]);
    expect(await get('/api/admin/inspect-ready-q/v1?queue_name=none')).toEqual([
      404,
      'Error: no such ready queue none',
    ]);
    expect(await get('/api/admin/ready-q-states/v1')).toEqual([
      200,
      '{"states_by_ready_queue":{}}',
    ]);
    const post = async (path: string, json: unknown): Promise<unknown> => {
      const answer = await client.send('POST', path, { json });
      return [answer.status, answer.body];
    };
    expect(await post('/api/admin/bump-config-epoch', null)).toEqual([200, '']);
    const filter = '/api/admin/set_diagnostic_log_filter/v1';
    expect(await post(filter, { filter: 'kumod=debug' })).toEqual([200, '']);
    expect(await post(filter, { filter: 'kumod=!!bad' })).toMatchObject([
      500,
      expect.stringMatching(/^Error: parsing log filter 'kumod=!!bad': /) as string,
    ]);
    expect(await post('/api/admin/spool-compact/v1', { name: 'nope' })).toEqual([
      500,
      "Error: no spool named 'nope' has been defined",
    ]);
    expect(await post('/api/admin/spool-compact/v1', { name: 'meta' })).toEqual([200, '']);
  });

  test('the same verbs work from a script', () => {
    const { door } = new World();
    const call = (area: 'bounce' | 'suspend', verb: string, argument?: never): unknown =>
      adminVerb(door, 0, { area, verb, ...(argument === undefined ? {} : { argument }) });
    const id = adminVerb(door, 0, {
      area: 'suspend',
      verb: 'suspend',
      argument: { domain: 'quiet.test', reason: 'from lua', duration: '1h' },
    });
    expect(typeof id).toBe('string');
    expect(call('suspend', 'list')).toHaveLength(1);
    expect(adminVerb(door, 0, { area: 'suspend', verb: 'delete', argument: id })).toBe(true);
    expect(call('suspend', 'list')).toHaveLength(0);
    expect(() => call('bounce', 'bounce')).toThrow('invalid type');
  });
});

test('answers are compressed for clients that like it, and metrics have a type before each sample', async () => {
  const world = new World();
  const client = await world.listen();
  const answer = await client.send('GET', '/metrics', { headers: { 'accept-encoding': 'gzip' } });
  expect(answer.headers.get('content-encoding')).toBe('gzip');
  expect(answer.body).toMatch(
    /^# HELP memory_limit .*\n# TYPE memory_limit gauge\nmemory_limit \d+\n# HELP memory_usage /,
  );
});

test('close() waits for requests under way and lets nobody in afterwards', async () => {
  const world = new World();
  let release = (): void => {};
  world.queue.hold = new Promise((resolve) => (release = resolve));
  const listener = await KumoHttpListener.open(SETTINGS, world.deps);
  const client = new Client(listener.address);
  const answer = client.send('POST', '/api/inject/v1', {
    json: REQUEST,
    headers: { connection: 'close' },
  });
  await expect.poll(() => world.store.transactions.length).toBe(1);
  let isClosed = false;
  const closed = listener.close().then(() => (isClosed = true));
  await expect(client.send('GET', '/api/check-liveness/v1')).rejects.toThrow();
  expect(isClosed).toBe(false);
  release();
  expect((await answer).status).toBe(200);
  await closed;
});
