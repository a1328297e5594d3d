/**
 * The engine's HTTP API, typed by the protocol: one method per route the window uses. Throws
 * `ApiFailure` with the engine's own words; whoever asked decides where they are shown.
 */
import type {
  ApiError,
  AttemptList,
  ChangedResult,
  ClockChange,
  ClockStatus,
  DeletedMessages,
  DnsAnswer,
  DnsZones,
  EngineStatus,
  ExpectationList,
  ExpectationRun,
  ExpectationRunRequest,
  ExpectationSaved,
  ExpectationSaveRequest,
  ExplainRequest,
  Explanation,
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
  LedgerPage,
  LinkRequest,
  LinkResult,
  LuaFunctionList,
  MaildirFlagRequest,
  MaildirListing,
  MaildirTree,
  PolicyCheck,
  PolicyCheckRequest,
  PolicyFile,
  PolicyFileList,
  PolicyLines,
  PolicySaved,
  PolicySaveRequest,
  QueueAction,
  QueueActionResult,
  QueueDetail,
  QueueList,
  RecordPage,
  ReleaseRequest,
  ReleaseResult,
  ReplayForRealRequest,
  ReplayForRealResult,
  ReplayRequest,
  ReplayRun,
  ReplayRunList,
  RouteChanged,
  RouteCheck,
  RouteCheckRequest,
  RouteList,
  RouteLua,
  RouteMoved,
  RoutePutRequest,
  RowChecks,
  RowDetail,
  RowPage,
  RowsRequest,
  SaveLinkRequest,
  SendTestRequest,
  SendTestResult,
  SharedOpened,
  ShareRequest,
  SettingChange,
  SettingsAnswer,
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
} from '../../engine/api/protocol.ts';

export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export type Query = Readonly<Record<string, string | number | null | undefined>>;

const ANSWER_TIMEOUT_MS = 20_000;
/** A thousand messages through a slow script. */
const REPLAY_TIMEOUT_MS = 180_000;
/** Hundreds of megabytes. */
const SHARE_TIMEOUT_MS = 300_000;
/** A million files, one by one. */
const DELETE_TIMEOUT_MS = 600_000;

export class Api {
  readonly #token: () => string | null;

  constructor(token: () => string | null) {
    this.#token = token;
  }

  status = (signal?: AbortSignal): Promise<EngineStatus> => this.#get('/status', {}, signal);
  rows = (query: Query, signal?: AbortSignal): Promise<RowPage> =>
    this.#get('/rows', query, signal);
  row = (seq: number): Promise<RowDetail> => this.#get(`/rows/${seq}`);
  journey = (seq: number): Promise<Journey> => this.#get(`/rows/${seq}/journey`);
  attempts = (seq: number): Promise<AttemptList> => this.#get(`/rows/${seq}/attempts`);
  checks = (seq: number): Promise<RowChecks> => this.#get(`/rows/${seq}/checks`);
  deleteRows = (request: RowsRequest): Promise<ChangedResult> =>
    this.#post('/rows/delete', request);
  undeleteRows = (request: RowsRequest): Promise<ChangedResult> =>
    this.#post('/rows/undelete', request);
  clock = (change: ClockChange): Promise<ClockStatus> => this.#post('/clock', change);
  queues = (): Promise<QueueList> => this.#get('/queues');
  queue = (name: string): Promise<QueueDetail> => this.#get(`/queues/${encodeURIComponent(name)}`);
  queueAction = (action: QueueAction): Promise<QueueActionResult> =>
    this.#post('/queues/actions', action);
  routes = (): Promise<RouteList> => this.#get('/routes');
  putRoute = (name: string, request: RoutePutRequest): Promise<RouteChanged> =>
    this.#send('PUT', `/routes/${encodeURIComponent(name)}`, request);
  toggleRoute = (name: string, enabled: boolean): Promise<RouteChanged> =>
    this.#send('PATCH', `/routes/${encodeURIComponent(name)}`, { enabled });
  removeRoute = (name: string): Promise<RouteChanged> =>
    this.#send('DELETE', `/routes/${encodeURIComponent(name)}`);
  orderRoutes = (names: readonly string[]): Promise<RouteChanged> =>
    this.#post('/routes/order', { names });
  checkRoute = (request: RouteCheckRequest): Promise<RouteCheck> =>
    this.#post('/routes/check', request);
  moveRouted = (request: { name?: string }): Promise<RouteMoved> =>
    this.#post('/routes/move', request);
  setCapture = (enabled: boolean): Promise<RouteChanged> =>
    this.#post('/routes/capture', { enabled });
  routeLua = (name: string | null): Promise<RouteLua> =>
    this.#get(name === null ? '/lua/routes' : `/routes/${encodeURIComponent(name)}/lua`);
  openHosts = (hosts: readonly string[]): Promise<RouteChanged> =>
    this.#send('PUT', '/open-hosts', { hosts });
  farEnds = (): Promise<FarEndList> => this.#get('/far-ends');
  farEndForm = (): Promise<FarEndForm> => this.#get('/far-ends/form');
  checkFarEnd = (request: FarEndCheckRequest): Promise<FarEndCheck> =>
    this.#post('/far-ends/check', request);
  putFarEnd = (request: FarEndPutRequest): Promise<FarEndList> => this.#post('/far-ends', request);
  removeFarEnd = (request: FarEndRequest): Promise<FarEndList> =>
    this.#post('/far-ends/remove', request);
  switchFarEnd = (request: FarEndSwitchRequest): Promise<FarEndList> =>
    this.#post('/far-ends/switch', request);
  resetFarEnd = (request: FarEndRequest): Promise<FarEndList> =>
    this.#post('/far-ends/reset', request);
  farEndReceived = (name: string, query: Query): Promise<FarEndReceived> =>
    this.#get(`/far-ends/${encodeURIComponent(name)}/received`, query);
  farEndMail = (name: string, id: string): Promise<FarEndMailDetail> =>
    this.#get(`/far-ends/${encodeURIComponent(name)}/received/${encodeURIComponent(id)}`);
  ledger = (query: Query): Promise<LedgerPage> => this.#get('/ledger', query);
  records = (query: Query, signal?: AbortSignal): Promise<RecordPage> =>
    this.#get('/records', query, signal);
  maildirs = (open: readonly string[], limit: number): Promise<MaildirTree> => {
    const search = new URLSearchParams({ limit: String(limit) });
    for (const path of open) search.append('open', path);
    return this.#get(`/maildirs?${search.toString()}`);
  };
  maildir = (query: Query): Promise<MaildirListing> => this.#get('/maildirs/messages', query);
  maildirFlags = (request: MaildirFlagRequest): Promise<ChangedResult> =>
    this.#post('/maildirs/flags', request);
  settings = (): Promise<SettingsAnswer> => this.#get('/settings');
  changeSetting = (change: SettingChange): Promise<SettingsAnswer> =>
    this.#post('/settings', change);
  dns = (query: Query): Promise<DnsAnswer> => this.#get('/dns', query);
  dnsZones = (): Promise<DnsZones> => this.#get('/dns/zones');
  policyLines = (query: Query): Promise<PolicyLines> => this.#get('/policy/lines', query);
  policyFiles = (): Promise<PolicyFileList> => this.#get('/policy/files');
  policyFile = (query: Query): Promise<PolicyFile> => this.#get('/policy/files/content', query);
  checkPolicy = (request: PolicyCheckRequest): Promise<PolicyCheck> =>
    this.#post('/policy/check', request);
  savePolicy = (request: PolicySaveRequest): Promise<PolicySaved> =>
    this.#post('/policy/save', request);
  luaFunctions = (): Promise<LuaFunctionList> => this.#get('/policy/functions');
  replay = (request: ReplayRequest): Promise<ReplayRun> =>
    this.#post('/replay', request, AbortSignal.timeout(REPLAY_TIMEOUT_MS));
  explain = (request: ExplainRequest): Promise<Explanation> =>
    this.#post('/explain', request, AbortSignal.timeout(REPLAY_TIMEOUT_MS));
  expectations = (): Promise<ExpectationList> => this.#get('/expectations');
  runExpectations = (request: ExpectationRunRequest): Promise<ExpectationRun> =>
    this.#post('/expectations/run', request, AbortSignal.timeout(REPLAY_TIMEOUT_MS));
  saveExpectation = (request: ExpectationSaveRequest): Promise<ExpectationSaved> =>
    this.#post('/expectations/save', request);
  replayRuns = (): Promise<ReplayRunList> => this.#get('/replay/runs');
  replayRun = (id: string): Promise<ReplayRun> =>
    this.#get(`/replay/runs/${encodeURIComponent(id)}`);
  replayForReal = (request: ReplayForRealRequest): Promise<ReplayForRealResult> =>
    this.#post('/replay/queue', request, AbortSignal.timeout(REPLAY_TIMEOUT_MS));
  release = (request: ReleaseRequest): Promise<ReleaseResult> =>
    this.#post('/rows/release', request, AbortSignal.timeout(REPLAY_TIMEOUT_MS));
  sendTest = (request: SendTestRequest): Promise<SendTestResult> =>
    this.#post('/send-test', request);
  restart = (): Promise<{ restarting: true }> => this.#post('/restart', {});
  suppression = (query: Query): Promise<SuppressionPage> => this.#get('/suppression', query);
  addSuppression = (request: SuppressionAdd): Promise<SuppressionAdded> =>
    this.#post('/suppression', request);
  removeSuppression = (request: SuppressionRemove): Promise<SuppressionRemoved> =>
    this.#post('/suppression/remove', request);
  undoSuppression = (request: { undo: string }): Promise<ChangedResult> =>
    this.#post('/suppression/undo', request);
  importSuppression = (request: SuppressionImport): Promise<SuppressionImported> =>
    this.#post('/suppression/import', request);
  exportSuppression = async (query: Query): Promise<Blob> =>
    (await this.#respond(`/suppression/export${suffixOf(query)}`, {})).blob();
  changeSuppression = (change: SuppressionChange): Promise<SuppressionStatus> =>
    this.#post('/suppression/settings', change);
  suppressionLua = (query: Query): Promise<SuppressionLua> => this.#get('/suppression/lua', query);
  suppressionDemo = (request: SuppressionDemoRequest): Promise<SuppressionDemoResult> =>
    this.#post('/suppression/demo', request);
  resetSuppressionDemo = (): Promise<SuppressionStatus> =>
    this.#post('/suppression/demo/reset', {});
  deleteMessages = (query: Query): Promise<DeletedMessages> =>
    this.#ask(
      `/messages${suffixOf(query)}`,
      { method: 'DELETE' },
      AbortSignal.timeout(DELETE_TIMEOUT_MS),
    );
  share = async (request: ShareRequest): Promise<{ blob: Blob; filename: string }> => {
    const answer = await this.#respond(
      '/share',
      posted(request),
      AbortSignal.timeout(SHARE_TIMEOUT_MS),
    );
    const name = /filename\*=UTF-8''(\S+)/.exec(answer.headers.get('content-disposition') ?? '');
    return {
      blob: await answer.blob(),
      filename: decodeURIComponent(name?.[1] ?? 'messages.postyard'),
    };
  };
  openShared = (file: File): Promise<SharedOpened> =>
    this.#ask(
      `/share/open${suffixOf({ name: file.name })}`,
      { method: 'POST', headers: { 'content-type': 'application/zip' }, body: file },
      AbortSignal.timeout(SHARE_TIMEOUT_MS),
    );
  link = (request: LinkRequest | SaveLinkRequest): Promise<LinkResult> =>
    this.#post('/links', request);

  #get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    return this.#ask<T>(path + suffixOf(query), { signal: signal ?? null });
  }

  #post<T>(path: string, body: unknown, deadline?: AbortSignal): Promise<T> {
    return this.#ask<T>(path, posted(body), deadline);
  }

  #send<T>(method: 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
    return this.#ask<T>(path, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  }

  async #ask<T>(path: string, init: RequestInit, deadline?: AbortSignal): Promise<T> {
    return (await (await this.#respond(path, init, deadline)).json()) as T;
  }

  /** @throws {ApiFailure} with the engine's own words */
  async #respond(
    path: string,
    init: RequestInit,
    deadline = AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  ): Promise<Response> {
    const answer = await fetch(`/api/v1${path}`, {
      ...init,
      signal: init.signal ? AbortSignal.any([init.signal, deadline]) : deadline,
      headers: { ...init.headers, authorization: `Bearer ${this.#token() ?? ''}` },
      cache: 'no-store',
    });
    if (answer.ok) return answer;
    const error = (await answer.json().catch(() => null)) as ApiError | null;
    throw new ApiFailure(
      answer.status,
      error?.error?.code ?? 'unknown',
      error?.error?.message ?? `The engine answered ${answer.status}`,
    );
  }
}

function posted(body: unknown): RequestInit & { headers: Record<string, string> } {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
}

function suffixOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}
