/**
 * What the window's API may ask of the engine, one small interface per noun. The views of this
 * folder implement them from the store, the queues and the files; `compose/engine-api.ts` joins them.
 */
import type { Readable } from 'node:stream';
import type { DryDoors } from './dry-doors.ts';
import type { LiveStream } from './live.ts';
import type {
  AttemptList,
  CaughtMessage,
  CaughtMessages,
  ClockChange,
  ClockStatus,
  DeletedMessages,
  DnsAnswer,
  DnsType,
  DnsZones,
  EngineStatus,
  FarEndCheck,
  FarEndCheckRequest,
  FarEndForm,
  FarEndList,
  FarEndMailDetail,
  FarEndPutRequest,
  FarEndReceived,
  FarEndRequest,
  FarEndSwitchRequest,
  Journey,
  LinkRequest,
  MaildirFlagRequest,
  MaildirListing,
  MaildirTree,
  PolicyLines,
  LedgerPage,
  QueueAction,
  QueueActionResult,
  QueueDetail,
  QueueList,
  RecordPage,
  ReleaseRequest,
  ReleaseResult,
  RouteChanged,
  RouteCheck,
  RouteList,
  RouteMoved,
  RoutePutRequest,
  RowChecks,
  RowDetail,
  RowPage,
  SendTestRequest,
  ShareRequest,
  SettingChange,
  SettingsAnswer,
  SendTestResult,
  SuppressionAdd,
  SuppressionAdded,
  SuppressionChange,
  SuppressionDemoRequest,
  SuppressionDemoResult,
  SuppressionImport,
  SuppressionImported,
  SuppressionLua,
  SuppressionPage,
  SuppressionRemove,
  SuppressionRemoved,
  SuppressionStatus,
} from './protocol.ts';
import type { Token } from './token.ts';

/** Bytes of an answer that is not JSON. */
export interface Download {
  readonly contentType: string;
  /** Suggested name; null shows it in place. */
  readonly filename: string | null;
  readonly bytes: Uint8Array;
}

export interface RowsQuery {
  readonly cursor?: string | undefined;
  readonly at?: number | undefined;
  readonly newerThan?: number | undefined;
  readonly limit: number;
  readonly filter: string;
  readonly maildir?: string | undefined;
}

export interface RowsDoor {
  page(query: RowsQuery): Promise<RowPage>;
  /** Null: there is no such row. The same for the three below. */
  detail(seq: number): Promise<RowDetail | null>;
  journey(seq: number): Promise<Journey | null>;
  attempts(seq: number): Promise<AttemptList | null>;
  checks(seq: number): Promise<RowChecks | null>;
  download(request: LinkRequest): Promise<Download | null>;
  remove(seqs: readonly number[]): Promise<number>;
  restore(seqs: readonly number[]): Promise<number>;
}

export interface WaitQuery {
  /** The whole address, in any case. */
  readonly to?: string | undefined;
  readonly from?: string | undefined;
  readonly subject?: string | undefined;
  readonly filter: string;
  /** Only rows above this one, the next ones first; absent: whatever is there, the newest. */
  readonly since?: number | undefined;
  readonly count: number;
  readonly timeoutMs: number;
}

export interface MessagesDoor {
  /** Null: there is no such row. */
  message(seq: number): Promise<CaughtMessage | null>;
  /** @throws {ApiProblem} 404 too few within the time, 400 the filter is none */
  wait(query: WaitQuery, signal: AbortSignal): Promise<CaughtMessages>;
  remove(filter: string): Promise<DeletedMessages>;
  mbox(seqs: readonly number[]): Readable;
  /** Null: there is no such message, or it has none. */
  attachments(seq: number): Promise<Readable | null>;
}

export interface QueuesDoor {
  list(): QueueList;
  detail(name: string, limit: number): Promise<QueueDetail | null>;
  act(action: QueueAction): Promise<QueueActionResult>;
}

export interface RecordsDoor {
  page(query: {
    cursor?: string | undefined;
    limit: number;
    types: readonly string[];
    text: string;
  }): Promise<RecordPage>;
}

export interface MaildirTreeQuery {
  /** Folders whose children are wanted. */
  readonly open: readonly string[];
  /** Children of one folder. */
  readonly limit: number;
}

export interface MaildirsDoor {
  tree(query: MaildirTreeQuery): Promise<MaildirTree>;
  /** @throws {Error} the path is no maildir of this workspace */
  messages(path: string, limit: number): Promise<MaildirListing>;
  setFlags(request: MaildirFlagRequest): Promise<number>;
}

export interface ClockDoor {
  status(): ClockStatus;
  change(request: ClockChange): Promise<ClockStatus>;
}

export interface RoutesDoor {
  list(): RouteList;
  /** @throws {ApiProblem} 404 there is no such route, 409 the file is broken; for all of these */
  put(name: string, request: RoutePutRequest): Promise<RouteChanged>;
  toggle(name: string, enabled: boolean): Promise<RouteChanged>;
  order(names: readonly string[]): Promise<RouteChanged>;
  remove(name: string): Promise<RouteChanged>;
  /** Null: whatever route it is about. */
  move(name: string | null): Promise<RouteMoved>;
  /** Null: all that are on. */
  lua(name: string | null): string;
  luaModule(): string;
  check(value: unknown, was: string | undefined): Promise<RouteCheck>;
  setCapture(enabled: boolean): Promise<RouteChanged>;
  openWorkspaceHosts(hosts: readonly string[]): Promise<RouteChanged>;
}

export interface SuppressionDoor {
  status(): SuppressionStatus;
  change(change: SuppressionChange): SuppressionStatus;
  /** @throws {RangeError} the cursor is none */
  page(cursor: string | null, limit: number, text: string): Promise<SuppressionPage>;
  /** @throws {ApiProblem} an address or a domain is none; the same for `remove` */
  add(request: SuppressionAdd): Promise<SuppressionAdded>;
  remove(request: SuppressionRemove): Promise<SuppressionRemoved>;
  /** How many came back; null when the removal is not remembered. */
  undo(token: string): Promise<number | null>;
  importText(request: SuppressionImport): Promise<SuppressionImported>;
  exportText(format: 'csv' | 'json', text: string): Readable;
  /** Null: for the mode in use. */
  lua(mode: 'reject' | 'null' | 'bounce' | null): SuppressionLua;
  demo(request: SuppressionDemoRequest): Promise<SuppressionDemoResult>;
  resetDemo(): Promise<void>;
}

export interface FarEndsDoor {
  list(): FarEndList;
  form(): FarEndForm;
  check(request: FarEndCheckRequest): FarEndCheck;
  /** @throws {ApiProblem} it is no far end, or there is none of that name; the same for those below */
  put(request: FarEndPutRequest): Promise<FarEndList>;
  remove(request: FarEndRequest): Promise<FarEndList>;
  switch(request: FarEndSwitchRequest): Promise<FarEndList>;
  reset(request: FarEndRequest): Promise<FarEndList>;
  received(name: string, limit: number, before: string | null): FarEndReceived;
  /** Null: it is not kept any more. */
  mail(name: string, id: string): Promise<FarEndMailDetail | null>;
}

export interface DnsDoor {
  ask(name: string, type: DnsType): Promise<DnsAnswer>;
  zones(): DnsZones;
}

export interface SettingsDoor {
  read(): SettingsAnswer;
  change(change: SettingChange): SettingsAnswer;
}

export interface ShareDoor {
  /** @throws {ApiProblem} 404 a row is gone, 413 it is too much, 400 the filter is none */
  share(request: ShareRequest): Promise<{ readonly filename: string; readonly bytes: Readable }>;
}

export interface ShareOpenDoor {
  /**
   * Where the file's own window is, with its token.
   * @throws {ApiProblem} 413 it is too large, 422 it cannot be opened
   */
  open(name: string, bytes: Readable): Promise<string>;
}

export interface ApiDoors extends DryDoors {
  readonly version: string;
  readonly token: Token;
  readonly live: LiveStream;
  readonly rows: RowsDoor;
  readonly messages: MessagesDoor;
  readonly queues: QueuesDoor;
  readonly records: RecordsDoor;
  readonly maildirs: MaildirsDoor;
  readonly clock: ClockDoor;
  readonly dns: DnsDoor;
  readonly settings: SettingsDoor;
  readonly suppression: SuppressionDoor;
  readonly routes: RoutesDoor;
  readonly farEnds: FarEndsDoor;
  readonly share: ShareDoor;
  readonly shareOpen: ShareOpenDoor;
  ledger(limit: number, cursor: string | null): Promise<LedgerPage>;
  status(): EngineStatus;
  /** Resolves when what was acknowledged so far is counted in `status`. */
  settled(): Promise<void>;
  /** Stops and starts again in place. @throws {ApiProblem} 409: the settings are broken */
  restart(): void;
  /** Lines of a policy file; null when the file is not part of the workspace. */
  policyLines(file: string, line: number, around: number): Promise<PolicyLines | null>;
  /** What was remapped for this policy. */
  remaps(): readonly { readonly what: string; readonly from: string; readonly to: string }[];
  /** @throws {ApiProblem} it cannot go there: no such place, or a host that is not open */
  release(request: ReleaseRequest): Promise<ReleaseResult>;
  sendTest(request: SendTestRequest): Promise<SendTestResult>;
  audit(verb: string, detail: object): void;
  diagnostic(level: 'error' | 'warn' | 'info' | 'debug', text: string): void;
}
