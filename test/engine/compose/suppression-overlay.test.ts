/** Suppression as a step of reception: who a verdict is about. */
import { expect, test } from 'vitest';
import { suppressionStep } from '../../../engine/compose/suppression-overlay.ts';
import type { SuppressionEntry } from '../../../engine/suppression/entry.ts';
import { decide } from '../../../engine/suppression/suppression.ts';
import type { Mode } from '../../../engine/suppression/suppression-settings.ts';
import { CallTrace } from '../../../engine/delivery/attempt.ts';
import { makeMessage, spoolIds } from '../../support/make-message.ts';
import { SimClock } from '../../support/sim-clock.ts';

const clock = new SimClock();
const ids = spoolIds(clock);

const ENTRY: SuppressionEntry = {
  id: 1,
  recipient: 'bad@x.test',
  sendingDomain: 'shop.test',
  origin: 'hand',
  reason: '',
  source: '',
  sinceMs: 0,
  hits: 0,
  lastHitMs: null,
  recordSeq: null,
  rowSeq: null,
};

test.each<[Mode, string[], object | string]>([
  ['reject', ['ok@x.test', 'bad@x.test'], { kind: 'reject', state: 'suppressed', about: [1] }],
  ['reject', ['bad@x.test'], { kind: 'reject', state: 'suppressed' }],
  ['null', ['bad@x.test', 'ok@x.test'], { kind: 'divide', apart: [0] }],
  ['null', ['bad@x.test'], { kind: 'discard', state: 'suppressed' }],
  ['null', ['ok@x.test'], 'keep'],
])('mode %s, mail to %j', async (mode, to, verdict) => {
  const message = makeMessage(ids, { to });
  const step = suppressionStep({
    listed: async ({ recipients }) => {
      const entries = recipients.map(({ email }) => (email === 'bad@x.test' ? ENTRY : null));
      return entries.some((entry) => entry !== null) ? { mode, entries } : null;
    },
    apply: decide,
  });
  const context = { sessionId: '', listener: '', peerIp: '', trace: new CallTrace(clock) };
  const said = await step.apply(message, context);
  if (typeof verdict === 'string') expect(said).toBe(verdict);
  else expect(said).toMatchObject(verdict);
  if (to.length === 1) expect(said).not.toHaveProperty('about');
});
