import { describe, expect, test } from 'vitest';
import { Injector } from '../../../../engine/api/kumo/inject.ts';
import type { InjectorDeps } from '../../../../engine/api/kumo/inject.ts';
import { localOrigin } from '../../../../engine/api/kumo/inject-origin.ts';
import type { InjectOrigin } from '../../../../engine/api/kumo/inject-origin.ts';
import { injectRequestOf } from '../../../../engine/api/kumo/inject-request.ts';
import { SystemClock } from '../../../../engine/base/clock.ts';
import { SpoolIdSource } from '../../../../engine/base/ids.ts';
import { SeededRandom } from '../../../../engine/base/random.ts';
import { Metrics } from '../../../../engine/log/metrics.ts';
import type { JsonObject } from '../../../../engine/mail/json.ts';
import type { Message } from '../../../../engine/mail/message.ts';
import { PolicyReject } from '../../../../engine/policy/events.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { FakeLog, FakePolicy, FakeQueue } from '../../../support/reception-fakes.ts';

const RAW = 'From: <shop@store.test>\nTo: <u@dest.test>\nSubject: raw\n\nplain text\n';
const ORIGIN: InjectOrigin = {
  auth: { peerAddress: '127.0.0.1', identities: [], groups: ['kumomta:http-listener-trusted-ip'] },
  peerIp: '127.0.0.1',
  localIp: '127.0.0.1',
  hostname: 'http.golden.test',
  listener: '127.0.0.1:8000',
};

class World {
  readonly policy = new FakePolicy();
  readonly queue = new FakeQueue();
  readonly log = new FakeLog();
  readonly store = new MemoryStore();
  readonly metrics = new Metrics();
  readonly injector: Injector;

  constructor(more: Partial<InjectorDeps> = {}) {
    const clock = new SystemClock();
    const random = new SeededRandom(3);
    this.injector = new Injector({
      mailClock: clock,
      clock,
      random,
      ids: new SpoolIdSource(clock, random),
      events: this.policy.events,
      store: this.store,
      queue: this.queue,
      log: this.log,
      metrics: this.metrics,
      overlay: null,
      refusal: () => null,
      diagnostic: () => {},
      ...more,
    });
  }

  inject(request: JsonObject, origin = ORIGIN): ReturnType<Injector['inject']> {
    return this.injector.inject(injectRequestOf(request), origin);
  }
}

function requestOf(recipients: readonly string[], more: JsonObject = {}): JsonObject {
  return {
    envelope_sender: 'news@store.test',
    recipients: recipients.map((email) => ({ email })),
    content: RAW,
    ...more,
  };
}

const textOf = (message: Message | undefined): string =>
  Buffer.from(message?.data ?? []).toString();

describe('a whole message as content', () => {
  test('is rebuilt, marked and queued; its metadata says where it came from', async () => {
    const world = new World();
    expect(await world.inject(requestOf(['reader@dest.test']))).toEqual({
      success_count: 1,
      fail_count: 0,
      failed_recipients: [],
      errors: [],
    });
    const [message] = world.queue.inserted;
    expect(textOf(message)).toBe(
      'X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoicmVhZGVyQGRlc3QudGVzdCJ9\r\n' +
        'Content-Type: text/plain;\r\n\tcharset="us-ascii"\r\nFrom: <shop@store.test>\r\n' +
        'To: <u@dest.test>\r\nSubject: raw\r\nMime-Version: 1.0\r\n\r\nplain text\r\n',
    );
    expect(message?.residentSize).toBe(212);
    expect(message?.meta).toEqual({
      http_auth: '127.0.0.1',
      reception_protocol: 'HTTP',
      received_from: '127.0.0.1',
      received_via: '127.0.0.1',
      hostname: 'http.golden.test',
    });
    expect(world.log.summary()).toEqual([
      'Reception 250 | - | news@store.test -> reader@dest.test',
    ]);
    expect(world.log.records[0]).toMatchObject({ peerAddress: { name: '', addr: '127.0.0.1' } });
    expect(world.metrics.value('total_messages_received', 'http_listener')).toBe(1);
    expect(world.store.transactions).toHaveLength(1);
  });

  test('is a template: layers of variables, missing ones, names in headers', async () => {
    const world = new World();
    await world.inject({
      envelope_sender: 'news@store.test',
      recipients: [
        { email: 'ann@dest.test', name: 'Ann', substitutions: { code: 'A1' } },
        { email: 'bob@dest.test', substitutions: { code: 'B2', city: 'Oslo' } },
        { email: 'cy@dest.test', name: 'Cy "Q" O\'Neil' },
      ],
      content:
        'From: <news@store.test>\nTo: {{ to_header }}\nSubject: {{ name }} from {{ city }}\n\n' +
        'code={{ code }} mail={{ email }} missing=[{{ nothing }}] {% if code %}has{% else %}lacks{% endif %}\n',
      substitutions: { city: 'Paris' },
    });
    const texts = world.queue.inserted.map(textOf);
    expect(texts[0]).toContain('To: Ann <ann@dest.test>\r\nSubject: Ann from Paris\r\n');
    expect(texts[0]).toMatch(/\r\n\r\ncode=3DA1 mail=3Dann@dest.test missing=3D\[\] has\r\n$/);
    expect(texts[1]).toContain('To: <bob@dest.test>\r\nSubject: from Oslo\r\n');
    expect(texts[2]).toContain(
      'To: "Cy \\"Q\\" O\'Neil" <cy@dest.test>\r\nSubject: Cy "Q" O\'Neil from Paris\r\n',
    );
    expect(world.queue.inserted.map((m) => m.residentSize)).toEqual([307, 298, 329]);
  });

  test.each([
    ['Static', 'static {{ name }}=0A\r\n'],
    ['Handlebars', 'static Ada=0A\r\n'],
  ])('in the dialect %s keeps its last line feed', async (dialect, end) => {
    const world = new World();
    await world.inject({
      envelope_sender: '',
      recipients: [{ email: 'a@dest.test', name: 'Ada' }],
      content: 'Subject: s\n\nstatic {{ name }}\n',
      template_dialect: dialect,
    });
    expect(textOf(world.queue.inserted[0]).endsWith(end)).toBe(true);
  });

  test.each([
    [{}, ['a made', 'b made', 'a queued', 'b queued']],
    [{ batchCountMax: 1 }, ['a made', 'a queued', 'b made', 'b queued']],
  ])('goes on its way with others of a batch, or alone (%j)', async (more, expected) => {
    const told: string[] = [];
    const note = (message: Message, what: string): void =>
      void told.push(`${message.recipients[0]?.user} ${what}`);
    const queue = {
      resolve: async () => {},
      insert: async (message: Message) => note(message, 'queued'),
    };
    const world = new World({ ...more, queue });
    world.policy.on('http_message_generated', (message: Message) => note(message, 'made'));
    const request = requestOf(['a@dest.test', 'b@dest.test']);
    expect(await world.inject(request)).toMatchObject({ success_count: 2 });
    expect(told).toEqual(expected);
  });

  test('gets a Received field when asked for, and no supplemental one when not', async () => {
    const world = new World();
    const headers = { received_header: true, supplemental_header: false };
    await world.inject(requestOf(['a@dest.test'], { trace_headers: headers }));
    expect(textOf(world.queue.inserted[0])).toMatch(
      /^Received: from store\.test \(127\.0\.0\.1\)\r\n {2}by \S+ \(KumoMTA\)\r\n {2}with HTTP id [0-9a-f]{32} for <a@dest\.test>;\r\n {2}\w{3}, .*\r\nContent-Type/,
    );
  });
});

describe('built content', () => {
  test('has the headers in order of their names, To, Mime-Version and Date', async () => {
    const world = new World();
    await world.inject({
      envelope_sender: 'news@store.test',
      recipients: [{ email: 'ann@dest.test', name: 'Ann Doe' }],
      content: {
        text_body: 'Hello {{ name }}, total is {{ total }} EUR',
        subject: 'Order {{ total }}',
        from: { email: 'news@store.test', name: 'The Store' },
        reply_to: { email: 'help@store.test' },
        headers: { 'X-Campaign': 'spring {{ total }}' },
      },
      substitutions: { total: 12 },
    });
    expect(textOf(world.queue.inserted[0]).replace(/Date: .*\r\n/, 'Date: <date>\r\n')).toBe(
      'X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoiYW5uQGRlc3QudGVzdCJ9\r\n' +
        'Content-Type: text/plain;\r\n\tcharset="us-ascii"\r\nFrom: "The Store" <news@store.test>\r\n' +
        'Reply-To: <help@store.test>\r\nSubject: Order 12\r\nX-Campaign: spring 12\r\n' +
        'To: "Ann Doe" <ann@dest.test>\r\nMime-Version: 1.0\r\nDate: <date>\r\n\r\n' +
        'Hello Ann Doe, total is 12 EUR\r\n',
    );
  });

  test('escapes values in HTML only, and keeps a To of its own', async () => {
    const world = new World();
    await world.inject({
      envelope_sender: '',
      recipients: [{ email: 'a@dest.test' }],
      content: {
        text_body: '{{ v }}',
        html_body: '<p>{{ v }}</p>',
        headers: { to: 'list' },
        attachments: [{ data: 'eA==', content_type: 'a/b', base64: true, file_name: 'f' }],
      },
      substitutions: { v: '<&>' },
    });
    const text = textOf(world.queue.inserted[0]);
    expect(text).toContain('\r\n\r\n<&>\r\n');
    expect(text).toContain('<p>&lt;&amp;&gt;</p>');
    expect(text).toContain('\r\nto: list\r\n');
    expect(text).not.toMatch(/^To: /m);
    expect(text).toContain('Content-Transfer-Encoding: base64\r\n\r\neA==\r\n');
  });

  test.each([
    [{ subject: 'no body' }, 'at least one of text_body and/or html_body must be given'],
    [
      { text_body: 'a\n{{code' },
      "failed parsing field 'content.text_body' as template: syntax error: unexpected end of input, expected end of variable block (in template 'text_body.txt' line 2: '{{code')",
    ],
    [
      { text_body: 'a', headers: { 'X-A': '{{' } },
      "failed parsing field headers['X-A'] as template: ",
    ],
    [
      { text_body: 'a', from: { email: 'bork bork' } },
      'failed parsing content.from: invalid header: Error at line 1, expected "@" but found "b":\nbork bork\n     ^___\n\nwhile parsing addr_spec\n',
    ],
    [{ text_body: 'a', attachments: [{ data: '?', content_type: 'a/b', base64: true }] }, 'base64'],
  ])('%j is refused as a whole with 422', async (content, message) => {
    const refused = new World().inject(requestOf(['a@dest.test'], { content }));
    await expect(refused).rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('recipients', () => {
  test('each stand alone; failures come back in their order', async () => {
    const world = new World();
    world.queue.insertErrors.set('broken.test', new Error('runtime error: no config'));
    world.policy.on('http_message_generated', (message: Message) => {
      if (message.recipients[0]?.user === 'refused') {
        throw new PolicyReject(550, '5.7.1 unsubscribed', 'If421');
      }
    });
    const answer = await world.inject(
      requestOf(['a@broken.test', 'bad address', 'refused@dest.test', 'fine@dest.test']),
    );
    expect(answer).toMatchObject({
      success_count: 1,
      fail_count: 3,
      failed_recipients: ['a@broken.test', 'bad address', 'refused@dest.test'],
    });
    expect(answer.errors[0]).toBe('a@broken.test: runtime error: no config');
    expect(answer.errors[1]).toMatch(
      /^bad address: recipient email bad address: Error at line 1, /,
    );
    expect(answer.errors[2]).toMatch(
      /^refused@dest.test: 550 5.7.1 unsubscribed\nstack traceback:/,
    );
    expect(world.log.summary()).toEqual([
      'Reception 250 | - | news@store.test -> a@broken.test',
      'Bounce 500 KumoMTA internal: QueueManager::insert failed during reception: runtime error: no config | - | news@store.test -> a@broken.test',
      'Reception 250 | - | news@store.test -> fine@dest.test',
    ]);
    expect(world.store.rows.map((r) => [r.to, r.state])).toEqual([
      ['a@broken.test', expect.any(String)],
      ['fine@dest.test', 'queued'],
      ['bad address', 'rejected'],
      ['refused@dest.test', 'rejected'],
    ]);
  });

  test('with metadata have it as extra; the null queue counts as success without a record', async () => {
    const world = new World();
    world.policy.on('http_message_generated', (message: Message) => {
      if (message.recipients[0]?.user === 'void') message.setMeta('queue', 'null');
    });
    const answer = await world.inject({
      ...requestOf([]),
      recipients: [
        { email: 'a@dest.test', metadata: { color: 'red', deep: { k: [1, 2] } } },
        { email: 'void@dest.test' },
      ],
    });
    expect(answer).toMatchObject({ success_count: 2, fail_count: 0 });
    expect(world.queue.inserted).toHaveLength(1);
    expect(world.queue.inserted[0]?.meta['extra']).toEqual({ color: 'red', deep: { k: [1, 2] } });
    expect(world.log.records).toHaveLength(1);
    expect(world.store.rows.map((r) => r.state)).toEqual(['queued', 'null']);
  });

  test('of a long list are stored in few commits', async () => {
    const world = new World();
    const many = Array.from({ length: 600 }, (_, i) => `u${i}@dest.test`);
    expect(await world.inject(requestOf(many))).toMatchObject({ success_count: 600 });
    expect(world.store.transactions).toHaveLength(3);
    expect(world.queue.inserted).toHaveLength(600);
  });

  test('may be none at all', async () => {
    expect(await new World().inject(requestOf([]))).toMatchObject({ success_count: 0 });
  });
});

describe('the request as a whole', () => {
  test('needs a sender that is an address, and an engine that is ready', async () => {
    await expect(
      new World().inject(requestOf(['a@x.test'], { envelope_sender: 'not an address' })),
    ).rejects.toMatchObject({
      status: 500,
      message:
        'envelope_sender: Error at line 1, expected "Postmaster" but found "not an add":\nnot an address\n^_____________\n\nError at line 1, in Alt:\nnot an address\n^_____________\n\n',
    });
    const closed = new World({ refusal: () => 'waiting for spool startup' });
    await expect(closed.inject(requestOf(['a@x.test']))).rejects.toMatchObject({
      status: 503,
      message: 'waiting for spool startup',
    });
  });

  test('the overlay may refuse or discard a message', async () => {
    const world = new World({
      overlay: {
        apply: (message) =>
          message.recipients[0]?.user === 'no'
            ? { kind: 'reject', code: 550, text: '5.7.1 listed', state: 'suppressed' }
            : message.recipients[0]?.user === 'away'
              ? { kind: 'discard', state: 'suppressed' }
              : 'keep',
      },
    });
    const answer = await world.inject(requestOf(['no@x.test', 'away@x.test', 'yes@x.test']));
    expect(answer).toEqual({
      success_count: 2,
      fail_count: 1,
      failed_recipients: ['no@x.test'],
      errors: ['no@x.test: 550 5.7.1 listed'],
    });
    expect(world.store.rows.map((r) => [r.to, r.state])).toEqual([
      ['away@x.test', 'suppressed'],
      ['yes@x.test', 'queued'],
      ['no@x.test', 'suppressed'],
    ]);
  });

  test('deferred generation queues the request and carries it out later', async () => {
    const world = new World();
    const request = requestOf(['a@dest.test'], {
      deferred_generation: true,
      substitutions: { n: 1 },
    });
    expect(await world.inject(request)).toMatchObject({ success_count: 0, fail_count: 0 });
    const [wrapper] = world.queue.inserted;
    expect(wrapper?.queueName()).toBe('generator.kumomta.internal');
    expect(wrapper?.recipients.map((r) => r.email)).toEqual(['']);
    expect(world.log.summary()).toEqual(['Reception 250 | - | news@store.test -> ']);
    if (wrapper) await world.injector.generate(wrapper);
    expect(world.queue.inserted[1]?.recipients.map((r) => r.email)).toEqual(['a@dest.test']);
    expect(world.queue.inserted[1]?.meta).toMatchObject({
      http_auth: '127.0.0.1',
      hostname: 'http.golden.test',
    });
  });

  test('of the policy itself is known as such', async () => {
    const world = new World();
    await world.inject(requestOf(['a@dest.test']), localOrigin());
    expect(world.queue.inserted[0]?.meta).toMatchObject({
      http_auth: 'kumomta.internal',
      received_from: '127.0.0.1',
    });
    const built = world.injector.build(injectRequestOf(requestOf(['b@dest.test'])), localOrigin());
    expect(built.map((m) => m.queueName())).toEqual(['dest.test']);
    expect(world.queue.inserted).toHaveLength(1);
  });
});

test('what a script asks for wrongly is told in the words of its own table', () => {
  expect(() => injectRequestOf({})).toThrow(/^deserialize error: missing field `envelope_sender`$/);
  const request = { envelope_sender: 'a@b.test', content: 'x', recipients: {} };
  expect(injectRequestOf(request).recipients).toEqual([]);
  expect(() => injectRequestOf({ ...request, recipients: [{ name: 'x' }] })).toThrow(
    /^deserialize error: missing field `email`$/,
  );
});
