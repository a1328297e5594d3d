/** Doors that answer with next to nothing, for tests of the API's own behaviour. */
import type { ApiDoors } from '../../engine/api/doors.ts';
import { LiveStream } from '../../engine/api/live.ts';
import type { EngineStatus } from '../../engine/api/protocol.ts';
import { Token } from '../../engine/api/token.ts';
import { SystemClock } from '../../engine/base/clock.ts';
import { SeededRandom } from '../../engine/base/random.ts';

export const FAKE_STATUS: EngineStatus = {
  version: '0.0.0',
  workspace: '/yard',
  workspaceName: 'yard',
  listeners: [],
  policy: {
    file: 'policy/init.lua',
    loadedMs: null,
    error: null,
    needsRestart: null,
    handlers: [],
  },
  queued: 0,
  nextDueMs: null,
  mailCount: 0,
  mailBytes: 0,
  receivedPerMinute: 0,
  clock: { nowMs: 0, realMs: 0, speed: 1, offsetMs: 0 },
  openHosts: [],
  captureLeaving: true,
  inspectLag: 0,
  flushCount: 0,
  commitSeq: 0,
  warnings: [],
};

export function fakeDoors(overrides: Partial<ApiDoors> = {}): ApiDoors {
  const clock = new SystemClock();
  const token = new Token(clock, new SeededRandom(1));
  const page = {
    rows: [],
    next: null,
    total: { value: 0, isExact: true },
    commitSeq: 0,
    oldestSeq: null,
    newestSeq: null,
  };
  const nothing = (): Promise<null> => Promise.resolve(null);
  return {
    version: '0.0.0',
    token,
    live: new LiveStream(token, clock, {
      status: () => FAKE_STATUS,
      total: () => ({ value: 0, isExact: true }),
      queues: () => ({ scheduled: [], ready: [], nowMs: 0 }),
      watchMaildir: () => {},
    }),
    rows: {
      page: () => Promise.resolve(page),
      detail: nothing,
      journey: nothing,
      attempts: nothing,
      download: nothing,
      remove: (seqs) => Promise.resolve(seqs.length),
      restore: (seqs) => Promise.resolve(seqs.length),
    },
    queues: {
      list: () => ({ scheduled: [], ready: [], nowMs: 0 }),
      detail: nothing,
      act: () => Promise.resolve({ changed: 0, text: '' }),
    },
    records: { page: () => Promise.resolve({ records: [], next: null, commitSeq: 0 }) },
    maildirs: {
      tree: () => Promise.resolve({ folders: [] }),
      messages: (path) => Promise.reject(new Error(`no maildir ${path}`)),
      setFlags: () => Promise.resolve(0),
    },
    clock: {
      status: () => FAKE_STATUS.clock,
      change: () => Promise.resolve(FAKE_STATUS.clock),
    },
    status: () => FAKE_STATUS,
    policyLines: nothing,
    remaps: () => [],
    sendTest: () => Promise.resolve({ ok: true, reply: '250 OK', to: 'a@example.com' }),
    audit: () => {},
    diagnostic: () => {},
    ...overrides,
  };
}
