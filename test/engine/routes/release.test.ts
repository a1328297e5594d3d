/** Queues of messages released by hand: where they go is in their name, and nobody else answers. */
import { expect, test } from 'vitest';
import { parseQueueName } from '../../../engine/mail/queue-name.ts';
import { decideQueue } from '../../../engine/routes/match.ts';
import {
  parseReleaseHost,
  releaseHostText,
  releaseOfRoutingDomain,
  releaseQueueConfig,
  releaseRoutingDomain,
} from '../../../engine/routes/release.ts';
import { RouteOverlay } from '../../../engine/routes/route-overlay.ts';
import { routeOf } from './route-fixtures.ts';

test.each([
  ['127.0.0.1:1025', '127.0.0.1', 1025],
  ['[::1]:25', '::1', 25],
  ['[0:0:0:0:0:0:0:1]:25', '::1', 25],
  ['Smtp.Example.com.:587', 'smtp.example.com', 587],
  ['localhost:2525', 'localhost', 2525],
  ['relay-2-25.test:26', 'relay-2-25.test', 26],
])('%s is a host and a port, and its queue says so', (text, host, port) => {
  const to = parseReleaseHost(text);
  expect(to).toEqual({ host, port });
  if (to === null) return;
  expect(releaseOfRoutingDomain(releaseRoutingDomain(to))).toEqual(to);
  const { routingDomain } = parseQueueName(`c:t@example.com!${releaseRoutingDomain(to)}`);
  expect(releaseOfRoutingDomain(routingDomain)).toEqual(to);
});

test.each([
  ...['smarthost', 'smtp.example.com', '127.0.0.1', '127.0.0.1:0', 'a:65536', ':25', 'a b:25'],
  ...['::1:25', '[::1]', '300.1.1.1:25', 'a!b:25', '-a.test:25', 'a@b:25', 'host:port', ''],
])('"%s" is none', (text) => {
  expect(parseReleaseHost(text)).toBeNull();
});

test('a routing domain that only looks alike is none', () => {
  for (const name of [null, 'release.invalid', 'release-a!b-25.invalid', 'route-a-25.invalid'])
    expect(releaseOfRoutingDomain(name)).toBeNull();
});

test('its configuration is that host alone, addresses with their port', () => {
  const entries = ['smtp.example.com:587', '10.0.0.7:2525', '[::1]:25'].map((text) => {
    const to = parseReleaseHost(text);
    if (to === null) throw new Error(text);
    expect(releaseHostText(to)).toBe(text);
    const { protocol } = releaseQueueConfig(to);
    return protocol.kind === 'smtp' ? protocol.mxList : protocol.kind;
  });
  expect(entries).toEqual([
    [{ kind: 'name', label: 'smtp.example.com:587' }],
    [{ kind: 'resolved', name: '10.0.0.7', addr: '10.0.0.7:2525' }],
    [{ kind: 'resolved', name: '::1', addr: '[::1]:25' }],
  ]);
});

test('no route answers for it, not even one that overwrites everything', () => {
  const to = { kind: 'mxList', hosts: ['127.0.0.1:1'] };
  const everything = routeOf('everything', { to, overwrite: true });
  const overlay = new RouteOverlay({
    farEnd: () => null,
    siteOf: () => '',
    env: () => undefined,
    onDecided: () => {},
  });
  overlay.replace([everything]);
  const name = releaseRoutingDomain({ host: '127.0.0.1', port: 2525 });
  expect(decideQueue([everything], parseQueueName(`example.com!${name}`))).toBeNull();
  expect(decideQueue([everything], parseQueueName('example.com!other.test'))).toBe(everything);
  expect(overlay.answer('example.com', null, null, name)?.route).toBe('release');
  // A route's own queue: also of one that usually leaves queues their names.
  expect(overlay.answer('example.com', null, null, 'route-everything.invalid')?.route).toBe(
    'everything',
  );
});
