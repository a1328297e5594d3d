import { expect, test } from 'vitest';
import type { EventCall } from '../../../engine/policy/event-call.ts';
import { differencesOf, isOfOutcome } from '../../../engine/replay/compare.ts';
import type { Happened } from '../../../engine/replay/compare.ts';

function call(event: string, fields: Partial<EventCall> = {}): EventCall {
  return {
    event,
    atMs: 0,
    durationMs: 0,
    args: [],
    returned: [],
    prints: [],
    metaChanges: [],
    ...fields,
  };
}

function happened(fields: Partial<Happened> = {}): Happened {
  return {
    reply: { code: 250, text: 'OK' },
    state: 'queued',
    queue: 'dest.example',
    meta: {},
    data: null,
    events: [],
    ...fields,
  };
}

test('an event that came to nothing is as good as not called, and a login is not compared', () => {
  const events = [
    call('smtp_server_message_received'),
    call('smtp_server_ehlo', { returned: ['nil'] }),
    call('routes', { returned: ['none matches'] }),
    call('smtp_server_auth_plain', { returned: ['true'] }),
  ];
  expect(differencesOf(happened({ events }), happened())).toEqual([]);
  expect(differencesOf(happened(), happened({ events }))).toEqual([]);
});

test('an event that came to something is told, without making the message different', () => {
  const events = [call('suppression', { returned: ['not listed'] })];
  const found = differencesOf(happened(), happened({ events }));
  expect(found).toEqual([
    { field: 'event suppression', was: 'not called', now: 'returned not listed' },
  ]);
  expect(found.filter(isOfOutcome)).toEqual([]);
});

test('what became of the message makes it different, the route it took included', () => {
  const now = happened({
    queue: 'other.example',
    meta: { tenant: 'acme' },
    events: [call('route shop', { returned: ['mail/shop'], route: 'shop' })],
  });
  const fields = differencesOf(happened(), now).filter(isOfOutcome);
  expect(fields.map(({ field }) => field)).toEqual(['queue', 'meta.tenant', 'event route shop']);
});
