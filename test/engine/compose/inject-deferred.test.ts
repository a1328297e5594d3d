/** The second half of a reception with `deferred_queue`: the policy, then routes and suppression. */
import { expect, test } from 'vitest';
import { injectDeferred } from '../../../engine/compose/inject-deferred.ts';
import { newSessionId } from '../../../engine/base/ids.ts';
import { SeededRandom } from '../../../engine/base/random.ts';
import { CallTrace } from '../../../engine/delivery/attempt.ts';
import type { Message } from '../../../engine/mail/message.ts';
import type { OverlayVerdict } from '../../../engine/reception/overlay.ts';
import { makeMessage, spoolIds } from '../../support/make-message.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { SimClock } from '../../support/sim-clock.ts';

const clock = new SimClock();
const ids = spoolIds(clock);

interface Ran {
  readonly inserted: string[];
  readonly thrown: unknown;
  readonly message: Message;
  readonly rows: string[];
}

async function run(
  to: readonly string[],
  options: {
    readonly verdict?: (message: Message) => OverlayVerdict;
    readonly handler?: (message: Message) => void;
  },
): Promise<Ran> {
  const store = new MemoryStore();
  const message = makeMessage(ids, {
    to,
    meta: { queue: 'deferred', received_from: '10.0.0.1:7' },
  });
  const origin = {
    id: newSessionId(new SeededRandom(1)),
    ...{ listener: '', peer: '', protocol: 'ESMTP' as const, startedMs: 0, startedRealMs: 0 },
    ...{ ehlo: null, tls: null, auth: null },
  };
  await store.saveMessage(message, 'deferred', origin);
  const inserted: string[] = [];
  const { verdict } = options;
  const thrown = await injectDeferred(
    message,
    {
      policy: { smtpServerMessageDeferredInject: async (asked) => options.handler?.(asked) },
      queues: {
        resolve: async () => {},
        insert: async (one) =>
          void inserted.push(`${one.queueName()}: ${one.recipients.map((r) => r.email).join()}`),
      },
      overlay: verdict === undefined ? null : { apply: (asked) => verdict(asked) },
      ids,
      store,
      origin: () => origin,
    },
    new CallTrace(clock),
  ).then(
    () => null,
    (error: unknown) => error,
  );
  const rows = store.rows.filter((row) => !row.isDeleted).map((row) => String(row.to));
  return { inserted, thrown, message, rows };
}

test.each<[string, Parameters<typeof run>[1], string[]]>([
  ['without an overlay', {}, ['d.test: a@d.test,b@d.test']],
  ['that keeps', { verdict: () => 'keep' }, ['d.test: a@d.test,b@d.test']],
  [
    'that sends it elsewhere',
    {
      verdict: (message) => {
        message.setMeta('routing_domain', 'r.invalid');
        return 'keep';
      },
    },
    ['d.test!r.invalid: a@d.test,b@d.test'],
  ],
  [
    'that throws it away',
    { verdict: () => ({ kind: 'discard', state: 'suppressed' }) },
    ['null: a@d.test,b@d.test'],
  ],
  [
    'that divides it',
    {
      verdict: () => ({
        kind: 'divide',
        apart: [0],
        decide: (apart) => {
          apart.setMeta('queue', 'suppressed');
          return 'keep';
        },
      }),
    },
    ['suppressed: a@d.test', 'd.test: b@d.test'],
  ],
])('%s', async (_, options, expected) => {
  const { inserted, thrown, rows } = await run(['a@d.test', 'b@d.test'], options);
  expect(thrown).toBeNull();
  expect(inserted).toEqual(expected);
  expect(rows.toSorted()).toEqual(['a@d.test', 'b@d.test']);
});

test('what the policy sent to the null queue is not shown to the overlay', async () => {
  const { inserted } = await run(['a@d.test'], {
    handler: (message) => message.setMeta('queue', 'null'),
    verdict: () => {
      throw new Error('asked');
    },
  });
  expect(inserted).toEqual(['null: a@d.test']);
});

test.each(['rejected', 'suppressed'] as const)('a refusal with state %s', async (state) => {
  const { inserted, thrown, message } = await run(['a@d.test'], {
    verdict: () => ({ kind: 'reject', code: 550, text: '5.7.1 listed', state }),
  });
  expect(inserted).toEqual([]);
  expect(thrown).toMatchObject({ code: 550, text: '5.7.1 listed' });
  expect(Boolean(message.getMeta('suppressed'))).toBe(state === 'suppressed');
});
