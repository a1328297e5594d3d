import { describe, expect, test } from 'vitest';
import { decideMessage, decideQueue, matchText } from '../../../engine/routes/match.ts';
import { parseQueueName } from '../../../engine/mail/queue-name.ts';
import { levelOf } from '../../../engine/routes/route.ts';
import { messageFacts, routeOf } from './route-fixtures.ts';

const decided = (routes: Parameters<typeof decideMessage>[0], facts = messageFacts()): string => {
  const { chosen, steps } = decideMessage(routes, facts);
  return `${chosen?.name ?? '-'}: ${steps.at(-1)?.why ?? ''}`;
};

describe('levelOf()', () => {
  test('domain, tenant, campaign and routing domain are known to the queue', () => {
    const to = { kind: 'maildir', path: 'm' } as const;
    expect(levelOf({ match: { domain: 'a', tenant: 'b', campaign: 'c', queue: 'd' }, to })).toBe(
      'queue',
    );
    expect(levelOf({ match: {}, to })).toBe('queue');
    for (const match of [{ recipient: 'a' }, { sender: 'a' }, { header: { X: 'a' } }, { meta: {} }])
      expect(levelOf({ match, to })).toBe('message');
  });

  test('what no queue configuration can say is decided on the message', () => {
    for (const to of [
      { kind: 'null' },
      { kind: 'reject', code: 550, text: 'no' },
      { kind: 'queue', name: 'x' },
      { kind: 'routingDomain', domain: 'x' },
    ] as const)
      expect(levelOf({ match: { domain: 'a' }, to })).toBe('message');
  });
});

describe('decideMessage()', () => {
  test('the first enabled match wins, and the others are not asked', () => {
    const routes = [
      routeOf('off', { enabled: false }),
      routeOf('one', { match: { domain: 'other.example' } }),
      routeOf('two', { match: { recipient: 'ALICE@*' } }),
      routeOf('three'),
    ];
    const { chosen, steps } = decideMessage(routes, messageFacts());
    expect(chosen?.name).toBe('two');
    expect(steps.map(({ route, why }) => `${route.name}: ${why}`)).toEqual([
      'one: domain is example.com',
      'two: recipient ALICE@*',
    ]);
  });

  test('all that is named has to match, one glob of a list is enough', () => {
    const match = { senderDomain: ['a.example', 'shop.*'], meta: { kind: 'bulk' } };
    expect(decided([routeOf('r', { match })])).toBe('-: no meta kind');
    const facts = messageFacts({ meta: { kind: 'BULK' } });
    expect(decided([routeOf('r', { match })], facts)).toMatch(/^r: /);
  });

  test('every recipient of a batch has to match', () => {
    const facts = messageFacts({ to: ['a@example.com', 'b@example.com'] });
    expect(decided([routeOf('r', { match: { recipient: 'a@*' } })], facts)).toBe(
      '-: recipient is b@example.com',
    );
    expect(decided([routeOf('r', { match: { recipient: ['a@*', 'b@*'] } })], facts)).toMatch(/^r/);
  });

  test('the null sender is <>', () => {
    const facts = messageFacts({ from: '' });
    expect(decided([routeOf('r', { match: { sender: '<>' } })], facts)).toMatch(/^r/);
    expect(decided([routeOf('r', { match: { sender: '?*@*' } })], facts)).toMatch(/^-/);
  });

  test('one of several headers of a name is enough; encoded words are read', () => {
    const header = ['X-Kind: one', 'x-kind: =?utf-8?q?two=20three?='];
    const facts = messageFacts({ header });
    expect(decided([routeOf('r', { match: { header: { 'X-Kind': 'two th*' } } })], facts)).toMatch(
      /^r/,
    );
  });

  test('what the policy set is left alone, unless the route says or names it', () => {
    const facts = messageFacts({ meta: { routing_domain: 'smart.example' } });
    const to = { kind: 'routingDomain', domain: 'x.example' } as const;
    expect(decided([routeOf('r', { to })], facts)).toBe('-: the policy set the routing domain');
    expect(decided([routeOf('r', { to, overwrite: true })], facts)).toMatch(/^r/);
    const match = { routingDomain: 'smart.*' };
    expect(decided([routeOf('r', { to, match })], facts)).toMatch(/^r/);
    const queued = messageFacts({ meta: { queue: 'elsewhere' } });
    expect(decided([routeOf('r', { to })], queued)).toBe('-: the policy set the queue');
  });

  test('a queue-level route looks at the queue that the policy chose', () => {
    const route = routeOf('r', {
      match: { domain: 'example.com' },
      to: { kind: 'maildir', path: 'm' },
    });
    expect(decided([route])).toMatch(/^r/);
    expect(decided([route], messageFacts({ meta: { queue: 'other.example' } }))).toBe(
      '-: domain is other.example',
    );
  });
});

describe('decideQueue()', () => {
  const maildir = { kind: 'maildir', path: 'm' } as const;
  const answered = (routes: Parameters<typeof decideQueue>[0], queue: string): string | null =>
    decideQueue(routes, parseQueueName(queue))?.name ?? null;

  test('wildcards do not reach the queues of hooks, names do', () => {
    const all = [routeOf('all', { to: maildir })];
    expect(answered(all, 'example.com')).toBe('all');
    expect(answered(all, 't@localhost')).toBe('all');
    expect(answered(all, 'webhook')).toBeNull();
    expect(answered(all, 'audit.log_hook')).toBeNull();
    expect(
      answered([routeOf('hook', { match: { domain: 'webhook' }, to: maildir })], 'webhook'),
    ).toBe('hook');
  });

  test('a queue with a routing domain needs a route that says so', () => {
    const match = { domain: 'example.com' };
    expect(answered([routeOf('r', { match, to: maildir })], 'example.com!smart')).toBeNull();
    const overwriting = routeOf('r', { match, to: maildir, overwrite: true });
    expect(answered([overwriting], 'example.com!smart')).toBe('r');
    const earlier = routeOf('first', { to: { kind: 'routingDomain', domain: 'smart' } });
    expect(answered([earlier, overwriting], 'example.com!smart')).toBeNull();
    expect(answered([overwriting, earlier], 'example.com!smart')).toBe('r');
  });

  test('the whole name can be matched', () => {
    const match = { queue: 'c:acme@*!smart' };
    expect(answered([routeOf('r', { match, to: maildir })], 'c:acme@b.example!smart')).toBe('r');
    expect(answered([routeOf('r', { match, to: maildir })], 'c:other@b.example!smart')).toBeNull();
  });
});

test('matchText() says what is named', () => {
  expect(matchText({})).toBe('everything');
  expect(matchText({ tenant: ['a', 'b'], header: { 'X-A': '1' } })).toBe(
    'tenant a or b, header X-A 1',
  );
});
