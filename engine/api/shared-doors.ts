/**
 * The window's API over a shared file instead of an engine: what can be read of it is answered,
 * everything else is refused in one place.
 */
import { posix } from 'node:path';
import { jsonHasText } from '../base/json-search.ts';
import type { ShareFile } from '../share/open-share.ts';
import { sha256 } from '../share/workspace-texts.ts';
import { decodeCursor, encodeCursor } from '../store/cursor.ts';
import type { ApiDoors, RecordsDoor } from './doors.ts';
import type { PolicyFilesDoor } from './dry-doors.ts';
import type { EngineStatus, PolicyLines, RecordPage, SharedFile } from './protocol.ts';
import { ApiProblem } from './route.ts';
import { SHARED_COMMIT_SEQ, SharedRows } from './shared-rows.ts';

export interface SharedDoorsParts {
  readonly file: ShareFile;
  /** Where it lies, for the window's title. */
  readonly path: string;
  readonly base: Pick<ApiDoors, 'version' | 'token' | 'live' | 'diagnostic'>;
}

export function sharedDoors({ file, path, base }: SharedDoorsParts): ApiDoors {
  return readOnly<ApiDoors>({
    ...base,
    rows: readOnly<ApiDoors['rows']>(new SharedRows(file)),
    records: { page: (query) => Promise.resolve(recordPage(file, query)) },
    queues: readOnly<ApiDoors['queues']>({
      list: () => ({ scheduled: [], ready: [], nowMs: file.manifest.clockMs }),
    }),
    maildirs: readOnly<ApiDoors['maildirs']>({ tree: () => Promise.resolve({ folders: [] }) }),
    routes: readOnly<ApiDoors['routes']>({ list: () => file.routes }),
    clock: readOnly<ApiDoors['clock']>({ status: () => sharedStatus(file, path, base).clock }),
    policyFiles: policyFiles(file),
    policyLines: (name, line, around) => Promise.resolve(policyLines(file, name, line, around)),
    remaps: () => [],
    status: () => sharedStatus(file, path, base),
    settled: () => Promise.resolve(),
  });
}

/** As the window expects an engine's; the clock stands where it stood at the export. */
export function sharedStatus(
  file: ShareFile,
  path: string,
  { version }: Pick<ApiDoors, 'version'>,
): EngineStatus {
  const { manifest } = file;
  const exportedMs = Date.parse(manifest.exportedAt);
  const shared: SharedFile = {
    file: file.name,
    formatVersion: manifest.version,
    writtenBy: manifest.writtenBy,
    exportedMs,
    workspace: manifest.workspace,
    selection: manifest.selection,
    policy: manifest.policy,
  };
  return {
    version,
    workspace: path,
    workspaceName: file.name,
    listeners: [],
    policy: {
      file: manifest.policy.main,
      loadedMs: null,
      error: null,
      needsRestart: null,
      handlers: [],
    },
    queued: 0,
    nextDueMs: null,
    mailCount: manifest.rows.length,
    mailBytes: manifest.rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    receivedPerMinute: 0,
    clock: {
      nowMs: manifest.clockMs,
      realMs: exportedMs,
      speed: 0,
      offsetMs: manifest.clockMs - exportedMs,
    },
    openHosts: [],
    captureLeaving: true,
    inspectLag: 0,
    flushCount: 0,
    commitSeq: SHARED_COMMIT_SEQ,
    warnings: [],
    shared,
  };
}

function recordPage(
  { records }: ShareFile,
  { cursor, limit, types, text }: Parameters<RecordsDoor['page']>[0],
): RecordPage {
  const [before = Infinity] = cursor === undefined ? [] : decodeCursor(cursor, 1);
  const found = records.filter(
    ({ recordSeq, type, json }) =>
      recordSeq < before && (types.length === 0 || types.includes(type)) && jsonHasText(json, text),
  );
  const page = found.slice(0, limit);
  const counts = new Map<string, number>();
  for (const { type } of records) counts.set(type, (counts.get(type) ?? 0) + 1);
  return {
    records: page,
    next: found.length > limit ? encodeCursor([page.at(-1)?.recordSeq ?? 0]) : null,
    commitSeq: SHARED_COMMIT_SEQ,
    ...(cursor === undefined && { counts: Object.fromEntries(counts) }),
  };
}

function policyFiles({ manifest, policyTexts }: ShareFile): PolicyFilesDoor {
  const folder = `${posix.dirname(manifest.policy.main)}/`;
  return readOnly<PolicyFilesDoor>({
    list: () => ({
      files: manifest.policy.files
        .filter(({ path }) => policyTexts.has(path) && path.startsWith(folder))
        .map(({ path, sizeBytes }) => ({
          path: path.slice(folder.length),
          sizeBytes,
          changedMs: Date.parse(manifest.exportedAt),
        })),
    }),
    read: (path) => {
      const text = policyTexts.get(posix.join(folder, path));
      return text === undefined ? null : { path, text, version: sha256(text).slice(0, 16) };
    },
  });
}

function policyLines(
  { policyTexts }: ShareFile,
  name: string,
  line: number,
  around: number,
): PolicyLines | null {
  const text = policyTexts.get(name);
  if (text === undefined) return null;
  const firstLine = Math.max(1, line - around);
  return { file: name, firstLine, lines: text.split('\n').slice(firstLine - 1, line + around) };
}

/** Answers with what is given; whatever else is asked of it is refused, however deep. */
function readOnly<T extends object>(given: Partial<T>): T {
  return new Proxy(given, {
    get(target, key) {
      if (!(key in target)) return refusing;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  }) as T;
}

const refusing: unknown = new Proxy(
  () => {
    throw new ApiProblem(
      403,
      'read-only',
      'this is a shared file, opened to read: nothing in it can be changed, and no engine runs',
    );
  },
  { get: (_target, key) => (key === 'then' ? undefined : refusing) },
);
