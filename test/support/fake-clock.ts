/** The clock of the fake engine: does at once what the real one takes time for. */
import type { FastifyInstance } from 'fastify';
import type { ClockChange, ClockStatus } from '../../engine/api/protocol.ts';
import type { FakeEngine } from './fake-engine.ts';

const DUE_IN_MS = 41_000;

export function serveClock(server: FastifyInstance, engine: FakeEngine): void {
  server.get('/api/v1/clock', () => engine.status.clock);
  server.post('/api/v1/clock', (request, reply) => {
    const change = request.body as ClockChange;
    engine.sent.clock.push(change);
    const { clock, queued } = engine.status;
    if (change.reset === 'ask' && queued > 0) {
      return reply.code(409).send({ error: { code: 'clock-ahead', message: 'stay or shift' } });
    }
    engine.setClock(changed(clock, change));
    return engine.status.clock;
  });
}

function changed(clock: ClockStatus, change: ClockChange): Partial<ClockStatus> {
  const ahead = (byMs: number): Partial<ClockStatus> => ({
    nowMs: clock.nowMs + byMs,
    offsetMs: clock.offsetMs + byMs,
  });
  if (change.speed !== undefined) return { speed: change.speed };
  if (change.jumpToNextDue === true) return ahead(DUE_IN_MS);
  if (change.forwardMs !== undefined) return ahead(change.forwardMs);
  if (change.reset === 'stay') return { speed: 1 };
  if (change.reset === 'shift') return { speed: 1, ...ahead(-clock.offsetMs) };
  return { forward: null };
}
