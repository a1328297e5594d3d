/** Doors that answer with next to nothing, for tests of the API's own behaviour. */
import { Readable } from 'node:stream';
import type { ApiDoors } from '../../engine/api/doors.ts';
import type { DryDoors } from '../../engine/api/dry-doors.ts';
import { LiveStream } from '../../engine/api/live.ts';
import type {
  EngineStatus,
  FarEndList,
  SettingsAnswer,
  SuppressionStatus,
} from '../../engine/api/protocol.ts';
import { DEFAULT_SETTINGS } from '../../engine/workspace/settings.ts';
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

function fakeSuppression(): ApiDoors['suppression'] {
  const autoAdd = { bounce: false, oob: false, expiration: false, classes: [] };
  const status: SuppressionStatus = {
    ...{ mode: 'off', autoAdd, count: 0, version: 0, problem: null, file: 'suppression.db' },
  };
  return {
    status: () => status,
    change: () => status,
    page: () => Promise.resolve({ entries: [], next: null, matching: 0 }),
    add: () => Promise.resolve({ added: 0, existing: 0 }),
    remove: () => Promise.resolve({ removed: 0, undo: '' }),
    undo: () => Promise.resolve(null),
    importText: () => Promise.resolve({ added: 0, existing: 0, refusedCount: 0, refused: [] }),
    exportText: () => Readable.from([]),
    lua: () => ({ mode: 'reject', file: 'suppression.lua', text: '', core: '' }),
    demo: () => Promise.reject(new Error('there is no engine behind these doors')),
    resetDemo: () => Promise.resolve(),
  };
}

const FAKE_SETTINGS: SettingsAnswer = {
  file: 'postyard.json',
  values: DEFAULT_SETTINGS,
  environment: {},
  defaults: DEFAULT_SETTINGS,
  problem: null,
  remaps: [],
  kept: { usedBytes: 0, removedTransactions: 0, removedBytes: 0 },
};

const FAKE_FAR_ENDS: FarEndList = {
  ...{ farEnds: [], problem: null, file: 'far-ends.json', presets: [] },
};

/** Dry runs of nothing. */
const fakeDryDoors: DryDoors = {
  explain: { explain: () => Promise.reject(new Error('no dry runs here')) },
  expectations: {
    list: () => ({ files: [] }),
    run: () => Promise.resolve({ results: [], passed: 0, failed: 0, durationMs: 0 }),
    save: ({ file, name }) => Promise.resolve({ file, case: name }),
  },
  replay: {
    replay: () => Promise.reject(new Error('no dry runs here')),
    runs: () => ({ runs: [] }),
    run: () => null,
    forReal: () => Promise.resolve({ queued: 0, failed: [], seqs: [] }),
  },
  policyFiles: {
    list: () => ({ files: [] }),
    read: () => null,
    check: () => Promise.resolve({ ok: true, error: null, handlers: [] }),
    save: () => Promise.resolve({ ok: true, error: null, version: null }),
  },
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
    ...fakeDryDoors,
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
      checks: nothing,
      download: nothing,
      remove: (seqs) => Promise.resolve(seqs.length),
      restore: (seqs) => Promise.resolve(seqs.length),
    },
    messages: {
      message: nothing,
      wait: () => Promise.resolve({ messages: [], newestSeq: 0 }),
      remove: () => Promise.resolve({ changed: 0, seqs: [] }),
      mbox: () => Readable.from([]),
      attachments: nothing,
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
    shareOpen: { open: () => Promise.reject(new Error('there is nothing to open')) },
    share: { share: () => Promise.reject(new Error('there is nothing to share')) },
    farEnds: {
      list: () => FAKE_FAR_ENDS,
      form: () => ({ behaviours: [], tls: [] }),
      check: () => ({ problem: null, scenario: '' }),
      put: () => Promise.resolve(FAKE_FAR_ENDS),
      remove: () => Promise.resolve(FAKE_FAR_ENDS),
      switch: () => Promise.resolve(FAKE_FAR_ENDS),
      reset: () => Promise.resolve(FAKE_FAR_ENDS),
      received: () => ({ mails: [], more: 0 }),
      mail: nothing,
    },
    dns: {
      ask: (name, type) =>
        Promise.resolve({
          name,
          type,
          status: 'NXDOMAIN',
          origin: 'none',
          answeredBy: 'nobody',
          source: null,
          isSecure: false,
          records: [],
          asked: [],
          problem: null,
        }),
      zones: () => ({ isReplaced: false, zones: [], problems: [] }),
    },
    settings: { read: () => FAKE_SETTINGS, change: () => FAKE_SETTINGS },
    clock: {
      status: () => FAKE_STATUS.clock,
      change: () => Promise.resolve(FAKE_STATUS.clock),
    },
    routes: fakeRoutesDoor(),
    ledger: () => Promise.resolve({ rows: [], next: null }),
    suppression: fakeSuppression(),
    status: () => FAKE_STATUS,
    settled: () => Promise.resolve(),
    restart: () => {},
    policyLines: nothing,
    remaps: () => [],
    release: ({ seqs, to }) => Promise.resolve({ released: seqs.length, to, seqs: [], failed: [] }),
    sendTest: () => Promise.resolve({ ok: true, reply: '250 OK', to: 'a@example.com' }),
    audit: () => {},
    diagnostic: () => {},
    ...overrides,
  };
}

function fakeRoutesDoor(): ApiDoors['routes'] {
  const list = {
    revision: 1,
    file: 'routes.json',
    problem: null,
    routes: [],
    otherwise: { hits: 0, last: null },
    capture: { hits: 0, last: null, enabled: true, maildir: 'mail' },
    openHosts: { workspace: [], byRoute: [] },
  };
  const changed = (): ReturnType<ApiDoors['routes']['remove']> =>
    Promise.resolve({ list, movable: { value: 0, isExact: true } });
  return {
    list: () => list,
    put: changed,
    toggle: changed,
    order: changed,
    remove: changed,
    move: () => Promise.resolve({ moved: 0, text: '' }),
    lua: () => '',
    luaModule: () => '',
    check: () =>
      Promise.resolve({ problems: [], level: null, match: '', target: '', closedHosts: [] }),
    setCapture: changed,
    openWorkspaceHosts: changed,
  };
}
