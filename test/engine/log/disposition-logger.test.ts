import { mkdtempSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { SpoolIdSource } from '../../../engine/base/ids.ts';
import { SeededRandom } from '../../../engine/base/random.ts';
import { DispositionLogger } from '../../../engine/log/disposition-logger.ts';
import type { DispositionLoggerDeps } from '../../../engine/log/disposition-logger.ts';
import { Metrics } from '../../../engine/log/metrics.ts';
import type { LogRecord } from '../../../engine/log/record.ts';
import { Message } from '../../../engine/mail/message.ts';
import { parseEnvelopeAddress } from '../../../engine/mail/path.ts';
import { plainReply, reply } from '../../../engine/mail/smtp-reply.ts';
import type { LocalLogSettings, LogHookSettings } from '../../../engine/policy/settings.ts';

const clock = new SystemClock();
const ids = new SpoolIdSource(clock, new SeededRandom(1));
const NODE_ID = '00000000-0000-4000-8000-000000000001';

function message(meta = {}): Message {
  return new Message({
    id: ids.next(),
    sender: parseEnvelopeAddress('a@shop.test'),
    recipients: [parseEnvelopeAddress('b@dest.test')],
    meta: { reception_protocol: 'ESMTP', ...meta },
    data: Buffer.from('Subject: =?utf-8?Q?gr=C3=BCn?=\r\nX-Tag: one\r\nx-tag: two\r\n\r\nhi\r\n'),
  });
}

function logger(overrides: Partial<DispositionLoggerDeps> = {}): {
  log: DispositionLogger;
  errors: string[];
  sunk: LogRecord[];
} {
  const errors: string[] = [];
  const sunk: LogRecord[] = [];
  const log = new DispositionLogger({
    mailClock: clock,
    clock,
    nodeId: NODE_ID,
    ids,
    policy: {
      shouldEnqueueLogRecord: () => Promise.resolve(false),
      logDisposition: () => Promise.resolve(),
      filterLog: () => Promise.resolve(true),
    },
    hookQueue: { enqueue: () => Promise.resolve() },
    sink: (record) => sunk.push(record),
    metrics: new Metrics(),
    loadBody: () => Promise.resolve(),
    onError: (text) => errors.push(text),
    sources: { now: () => clock.now(), random: new SeededRandom(1) },
    ...overrides,
  });
  return { log, errors, sunk };
}

function localLog(overrides: Partial<LocalLogSettings> = {}): LocalLogSettings {
  return {
    logDir: mkdtempSync(join(tmpdir(), 'postyard-log-')),
    maxFileSize: 1e9,
    backPressure: 1000,
    compressionLevel: 0,
    maxSegmentDurationMs: null,
    meta: [],
    headers: [],
    perRecord: {},
    filterEvent: null,
    minFreeSpace: '1%',
    minFreeInodes: '1%',
    ...overrides,
  };
}

function hook(overrides: Partial<LogHookSettings> = {}): LogHookSettings {
  return {
    name: 'hook',
    backPressure: 10,
    meta: [],
    headers: [],
    perRecord: {},
    deferredSpool: false,
    ...overrides,
  };
}

function linesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) =>
    zstdDecompressSync(readFileSync(join(folder, name)))
      .toString()
      .trimEnd()
      .split('\n'),
  );
}

test('record() writes every key in its order, optional ones left out', async () => {
  const { log, sunk } = logger();
  await log.record({ type: 'Reception', message: message(), response: plainReply(250, '') });
  expect(Object.keys(sunk[0] ?? {}).join(' ')).toBe(
    'type id sender recipient queue site size response peer_address timestamp event_time created created_time num_attempts bounce_classification egress_pool egress_source source_address feedback_report meta headers delivery_protocol reception_protocol nodeid',
  );
  expect(sunk[0]).toMatchObject({
    sender: 'a@shop.test',
    recipient: 'b@dest.test',
    queue: 'dest.test',
    reception_protocol: 'ESMTP',
    nodeid: NODE_ID,
  });
  expect(sunk[0]?.event_time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z$/);
});

test('record() flattens line breaks and keeps the command', async () => {
  const { log, sunk } = logger();
  await log.record({
    type: 'Bounce',
    message: message(),
    response: reply(550, '5.1.1 no\nsuch user', 'RCPT TO:<b@dest.test>\r\n'),
  });
  expect(sunk[0]?.response).toEqual({
    code: 550,
    enhanced_code: { class: 5, subject: 1, detail: 1 },
    content: 'no such user',
    command: 'RCPT TO:<b@dest.test>\r\n',
  });
});

test('a local log captures what it was asked for and is complete and read-only when closed', async () => {
  const { log, errors } = logger();
  const settings = localLog({ meta: ['tenant', 'x_*', 'absent'], headers: ['subject', 'X-*'] });
  log.addLocalLog(settings);
  await log.record({
    type: 'Delivery',
    message: message({ tenant: 'acme', x_a: 1, other: 2 }),
    response: plainReply(200, 'ok'),
  });
  await log.close();
  const [record] = linesIn(settings.logDir).map((line) => JSON.parse(line) as LogRecord);
  expect(record?.meta).toEqual({ tenant: 'acme', x_a: 1 });
  expect(record?.headers).toEqual({ Subject: 'grün', 'X-Tag': ['one', 'two'] });
  const [name = ''] = readdirSync(settings.logDir);
  expect(name).toMatch(/^\d{8}-\d{6}(\.\d{3}(\d{3}){0,2})?$/);
  expect(statSync(join(settings.logDir, name)).mode & 0o222).toBe(0);
  expect(errors).toEqual([]);
});

test('a segment ends when its time is over, although nothing more is written', async () => {
  const { log } = logger();
  const settings = localLog({ maxSegmentDurationMs: 50 });
  log.addLocalLog(settings);
  await log.record({ type: 'Delivery', message: message(), response: plainReply(200, 'ok') });
  await vi.waitFor(() => {
    const [name = ''] = readdirSync(settings.logDir);
    expect(statSync(join(settings.logDir, name)).mode & 0o222).toBe(0);
  });
  expect(linesIn(settings.logDir)).toHaveLength(1);
  await log.close();
});

test('a segment that is full is followed by another', async () => {
  const { log } = logger();
  const settings = localLog({ maxFileSize: 10 });
  log.addLocalLog(settings);
  for (let n = 0; n < 3; n++)
    await log.record({ type: 'Delivery', message: message(), response: plainReply(200, 'ok') });
  await log.close();
  expect(linesIn(settings.logDir)).toHaveLength(3);
  expect(readdirSync(settings.logDir).length).toBeGreaterThan(1);
});

test('per_record chooses folder, template and whether at all; OOB follows Reception', async () => {
  const { log } = logger();
  const delivered = mkdtempSync(join(tmpdir(), 'postyard-log-'));
  const plain = { suffix: null, logDir: null, enable: true, template: null, segmentHeader: '' };
  const settings = localLog({
    perRecord: {
      Reception: { ...plain, enable: false },
      Delivery: {
        ...plain,
        logDir: delivered,
        suffix: '_d',
        template: '{{ type }} {{ response.code }}',
      },
      Any: { ...plain, template: 'any {{ type }}' },
    },
  });
  log.addLocalLog(settings);
  for (const type of ['Reception', 'OOB', 'Delivery', 'Bounce'] as const)
    await log.record({ type, message: message(), response: plainReply(250, '') });
  await log.close();
  expect(linesIn(delivered)).toEqual(['Delivery 250']);
  expect(linesIn(settings.logDir)).toEqual(['any Bounce']);
});

test('filter_event decides record by record', async () => {
  const { log } = logger({
    policy: {
      shouldEnqueueLogRecord: () => Promise.resolve(false),
      logDisposition: () => Promise.resolve(),
      filterLog: (_event, m) => Promise.resolve(m.meta['keep'] === true),
    },
  });
  const settings = localLog({ filterEvent: 'mine' });
  log.addLocalLog(settings);
  await log.record({
    type: 'Delivery',
    message: message({ keep: true }),
    response: plainReply(200, 'kept'),
  });
  await log.record({ type: 'Delivery', message: message(), response: plainReply(200, 'dropped') });
  await log.close();
  expect(linesIn(settings.logDir)).toHaveLength(1);
});

test('a hook makes a message of the record that carries it; records about such messages make none', async () => {
  const enqueued: Message[] = [];
  const { log } = logger({
    policy: {
      shouldEnqueueLogRecord: () => Promise.resolve(true),
      logDisposition: () => Promise.resolve(),
      filterLog: () => Promise.resolve(true),
    },
    hookQueue: { enqueue: (m) => Promise.resolve(void enqueued.push(m)) },
  });
  log.addHook(hook({ meta: ['tenant'] }));
  await log.record({
    type: 'Delivery',
    message: message({ tenant: 'acme' }),
    response: plainReply(200, 'ok'),
  });
  await log.record({
    type: 'Delivery',
    message: message({ reception_protocol: 'LogRecord' }),
    response: plainReply(200, 'ok'),
  });
  await log.close();
  expect(enqueued).toHaveLength(1);
  expect(enqueued[0]?.meta).toMatchObject({
    tenant: 'acme',
    reception_protocol: 'LogRecord',
    log_record: { type: 'Delivery' },
  });
  expect(JSON.parse(Buffer.from(enqueued[0]?.data ?? []).toString())).toMatchObject({
    type: 'Delivery',
    recipient: 'b@dest.test',
  });
});

test('a full hook makes the writer wait', async () => {
  let release: (value: boolean) => void = () => {};
  const gate = new Promise<boolean>((resolve) => (release = resolve));
  const { log } = logger({
    policy: {
      shouldEnqueueLogRecord: () => gate,
      logDisposition: () => Promise.resolve(),
      filterLog: () => Promise.resolve(true),
    },
  });
  log.addHook(hook({ backPressure: 1 }));
  await log.record({ type: 'Delivery', message: message(), response: plainReply(200, 'ok') });
  let isDone = false;
  const second = log
    .record({ type: 'Delivery', message: message(), response: plainReply(200, 'ok') })
    .then(() => (isDone = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isDone).toBe(false);
  release(false);
  await second;
  await log.close();
});

test('names of hooks are unique, whatever their kind', () => {
  const { log } = logger();
  log.addHook(hook());
  expect(() => log.addDispositionHook({ name: 'hook', perRecord: {} })).toThrow(
    'A logging hook with name `hook` has already been registered',
  );
});

test('a failing hook or listener is reported and breaks nothing', async () => {
  const { log, errors, sunk } = logger({
    policy: {
      shouldEnqueueLogRecord: () => Promise.reject(new Error('boom')),
      logDisposition: () => Promise.reject(new Error('bang')),
      filterLog: () => Promise.resolve(true),
    },
  });
  log.addHook(hook());
  log.addDispositionHook({ name: 'inline', perRecord: {} });
  log.follow(() => {
    throw new Error('tail');
  });
  await log.record({ type: 'Delivery', message: message(), response: plainReply(200, 'ok') });
  await log.close();
  expect(sunk).toHaveLength(1);
  expect(errors.sort()).toEqual([
    'a listener of the record tail failed: tail',
    'log hook hook: boom',
    'log_disposition_inline: bang',
  ]);
});

test('a template that is none is found when the logger is set up', () => {
  const { log } = logger();
  const entry = { suffix: '', logDir: null, enable: true, template: '{{ x', segmentHeader: '' };
  expect(() => log.addLocalLog(localLog({ perRecord: { Delivery: entry } }))).toThrow(
    "compiling template:\n{{ x\nfor log record type Delivery: syntax error: unexpected end of input, expected end of variable block (in template 'Delivery' line 1: '{{ x')",
  );
});
