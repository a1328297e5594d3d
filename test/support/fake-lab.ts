/**
 * The fake engine's Lab: two policy files, a check that knows one mistake, and runs whose outcome
 * follows from the script's text: with another routing domain in it, mail to `.net` differs.
 */
import type { FastifyInstance } from 'fastify';
import type {
  PolicyCheck,
  PolicyCheckRequest,
  PolicySaveRequest,
  RecipientRow,
  ReplayForRealRequest,
  ReplayRequest,
  ReplayResult,
  ReplayRun,
  ReplaySelection,
  SourceLink,
} from '../../engine/api/protocol.ts';
import { EVENTS } from '../../engine/policy/event-reference.ts';
import { luaGroups } from '../../engine/policy/lua-reference.ts';

const INIT_LUA = `local sqlite = require 'sqlite'
local kumo = require 'kumo'

-- tenants by SASL name
local TENANT = { ['acme-app'] = 'acme', ['news'] = 'press' }

kumo.on('smtp_server_message_received', function(msg, conn_meta)
  local tenant = TENANT[conn_meta:get_meta('authz_id')]
  msg:set_meta('tenant', tenant)

  local subject = msg:get_first_named_header_value('Subject')
  if subject and subject:match('^%[test%]') then
    msg:set_meta('queue', 'null')
  end

  -- .net goes through its own smarthost
  local to = msg:recipient()
  if to.domain:match('%.net$') then
    msg:set_meta('routing_domain', 'smarthost.example.net')
  end
  print('tenant ' .. tostring(tenant))
end)

kumo.on('make.webhook', function(domain, tenant, campaign)
  local connection = {}
  function connection:send(message)
    local client = kumo.http.build_client {}
    local response = client:post('http://127.0.0.1:8080/mail'):body(message:get_data()):send()
    if response:status_code() ~= 200 then
      kumo.reject(400, 'billing API answered ' .. response:status_code())
    end
    return 'OK'
  end
  return connection
end)
`;
const SHAPING_LUA = `local kumo = require 'kumo'

return {
  site_limit = function(domain)
    return domain == 'gmail-like.example.net' and 5 or 20
  end,
}
`;
const NEW_SMARTHOST = 'smarthost.example.org';

export class FakeLab {
  readonly saved = new Map([
    ['init.lua', INIT_LUA],
    ['shaping.lua', SHAPING_LUA],
  ]);
  readonly asked: { replays: ReplayRequest[]; forReal: ReplayForRealRequest[] } = {
    replays: [],
    forReal: [],
  };
  readonly #runs: ReplayRun[] = [];
  #version = 1;

  /** @param rowsOf the rows that a selection means, newest first */
  serve(
    server: FastifyInstance,
    rowsOf: (selection: ReplaySelection) => RecipientRow[],
    queueCopies: (rows: readonly RecipientRow[]) => number[],
  ): void {
    server.get('/api/v1/policy/files', () => ({
      files: [...this.saved].map(([path, text]) => ({
        path,
        sizeBytes: text.length,
        changedMs: 0,
      })),
    }));
    server.get('/api/v1/policy/files/content', (request) => {
      const { path = '' } = request.query as { path?: string };
      return { path, text: this.saved.get(path) ?? '', version: String(this.#version) };
    });
    server.get('/api/v1/policy/functions', () => ({
      functions: luaGroups().flatMap(({ entries }) => entries),
      fields: luaGroups().flatMap(({ name, fields }) => fields.map((field) => `${name}.${field}`)),
      events: EVENTS,
    }));
    server.post('/api/v1/policy/check', (request) => check(request.body as PolicyCheckRequest));
    server.post('/api/v1/policy/save', (request) => {
      const { path, text } = request.body as PolicySaveRequest;
      const { ok, error } = check({ path, text });
      if (ok) this.saved.set(path, text);
      return { ok, error, version: ok ? String(++this.#version) : null };
    });
    server.post('/api/v1/replay', (request) => this.#replay(request.body as ReplayRequest, rowsOf));
    server.get('/api/v1/replay/runs', () => ({
      runs: this.#runs.map(({ results, effects: _, ...run }) => ({
        ...run,
        count: results.length,
      })),
    }));
    server.get('/api/v1/replay/runs/:id', ({ params }) =>
      this.#runs.find(({ id }) => id === (params as { id: string }).id),
    );
    server.post('/api/v1/replay/queue', (request) => {
      const asked = request.body as ReplayForRealRequest;
      this.asked.forReal.push(asked);
      const rows = rowsOf(asked.messages);
      return { queued: rows.length, failed: [], seqs: queueCopies(rows) };
    });
  }

  #replay(
    request: ReplayRequest,
    rowsOf: (selection: ReplaySelection) => RecipientRow[],
  ): ReplayRun {
    this.asked.replays.push(request);
    const script = request.files?.['init.lua'] ?? this.saved.get('init.lua') ?? '';
    const rows = rowsOf(request.messages);
    const results = rows.map((row) => resultOf(row, request, script));
    const count = (verdict: ReplayResult['verdict']): number =>
      results.filter((result) => result.verdict === verdict).length;
    const { through } = request;
    const what = through.kind === 'reception' ? 'reception' : `constructor ${through.name}`;
    const run: ReplayRun = {
      id: `run-${this.#runs.length + 1}`,
      startedRealMs: Date.UTC(2026, 10, 22, 12, 24, 3) + this.#runs.length * 1000,
      durationMs: 2.6 * rows.length,
      title: request.files ? `${what}, init.lua edited` : what,
      through,
      counts: { same: count('same'), differ: count('differs'), failed: count('failed') },
      more: 0,
      results,
      problem: null,
      effects: [],
    };
    this.#runs.unshift(run);
    return run;
  }
}

/** `end)` missing at the end, or the word `oops`, is an error. */
function check({ path, text }: PolicyCheckRequest): PolicyCheck {
  const line = text.split('\n').findIndex((each) => each.includes('oops'));
  const handlers = [...text.matchAll(/kumo\.on\('([\w.]+)'/g)].map((match) => match[1] ?? '');
  if (line < 0) return { ok: true, error: null, handlers };
  const message = `${path}:${line + 1}: attempt to index a nil value (global 'oops')`;
  return { ok: false, error: { path, line: line + 1, message }, handlers: [] };
}

const at = (line: number): SourceLink => ({
  label: `init.lua:${line}`,
  file: 'policy/init.lua',
  line,
});

function resultOf(row: RecipientRow, request: ReplayRequest, script: string): ReplayResult {
  const base = {
    seq: row.seq,
    to: row.to ?? '',
    subject: row.subject,
    durationMs: 0.8 + (row.seq % 5) / 10,
    changes: NO_CHANGES,
    problem: null,
  };
  if (row.sizeBytes === 0) {
    return {
      ...base,
      ...{ verdict: 'same', reply: null, state: row.state, queue: null, calls: [], effects: [] },
      differences: [],
      problem: 'It has no data to replay: it was refused before DATA',
    };
  }
  return request.through.kind === 'reception'
    ? { ...base, ...received(row, script) }
    : { ...base, ...sent(row, request) };
}

const NO_CHANGES = { meta: [], headers: [], sender: null, recipients: null, body: null };
type Fate = Pick<
  ReplayResult,
  'verdict' | 'reply' | 'state' | 'queue' | 'calls' | 'effects' | 'changes' | 'differences'
>;

function received(row: RecipientRow, script: string): Fate {
  const domain = row.to?.split('@')[1] ?? '';
  const isNet = domain.endsWith('.net');
  const isMoved = isNet && script.includes(NEW_SMARTHOST);
  const was = isNet ? 'smarthost.example.net' : null;
  const now = isMoved ? NEW_SMARTHOST : was;
  const queueOf = (routing: string | null): string =>
    `acme@${domain}${routing === null ? '' : `!${routing}`}`;
  const meta = { name: 'routing_domain', from: null, to: now };
  return {
    verdict: isMoved ? 'differs' : 'same',
    reply: { code: 250, text: 'OK ids=d7ef132b5d7711eea8c8000c29c33806' },
    state: 'queued',
    queue: queueOf(now),
    effects: [],
    calls: [
      call('smtp_server_ehlo', ['"mail.shop.example.com"', 'conn_meta'], 3),
      {
        ...call('smtp_server_message_received', ['msg', 'conn_meta'], 7),
        prints: [{ text: 'tenant acme', source: at(21) }],
        metaChanges: now === null ? [] : [{ ...meta, source: at(19) }],
      },
    ],
    changes: {
      ...NO_CHANGES,
      meta: [{ name: 'tenant', from: null, to: 'acme' }, ...(now === null ? [] : [meta])],
      headers: [{ name: 'X-Tenant', from: null, to: 'acme' }],
    },
    differences: isMoved
      ? [
          { field: 'meta.routing_domain', was: was ?? '', now: now ?? '' },
          { field: 'queue', was: queueOf(was), now: queueOf(now) },
        ]
      : [],
  };
}

function sent(row: RecipientRow, { stubs = [], http, through }: ReplayRequest): Fate {
  const url = 'POST http://127.0.0.1:8080/mail';
  const name = through.kind === 'constructor' ? through.name : '';
  const stub = stubs.find(({ match }) => match === url);
  const isAnswered = stub !== undefined || http === 'far-ends';
  const ask = {
    event: `${name}:send`,
    name: 'Request.send',
    effect: 'network',
    what: stub ? 'stubbed' : isAnswered ? 'sent' : 'not-stubbed',
    args: [],
    question: isAnswered ? `${url} → ${stub?.status ?? 200}` : url,
    result: isAnswered ? 'Response' : `raised not stubbed: ${url}`,
    durationMs: 0.2,
    source: at(28),
  } as const;
  const send = call(`${name}:send`, ['Message'], 26);
  const raised = `not stubbed: ${url}`;
  return {
    verdict: isAnswered ? 'differs' : 'failed',
    reply: isAnswered
      ? { code: 250, text: 'OK' }
      : { code: 400, text: `KumoMTA internal: error in deliver_message: ${raised}` },
    state: isAnswered ? 'delivered' : 'deferred',
    queue: row.queue,
    effects: [ask],
    calls: [
      call(name, ['"example.com"', 'nil', 'nil'], 24),
      isAnswered
        ? { ...send, returned: '"OK"' }
        : { ...send, returned: raised, raised: true, raisedAt: at(28) },
    ],
    changes: NO_CHANGES,
    differences: [
      {
        field: 'reply',
        was: `${row.code ?? 250} ${row.lastText}`,
        now: isAnswered ? '250 OK' : `400 ${raised}`,
      },
    ],
  };
}

function call(event: string, args: readonly string[], line: number): ReplayResult['calls'][number] {
  return {
    event,
    args,
    returned: 'nothing',
    raised: false,
    durationMs: 0.4,
    prints: [],
    metaChanges: [],
    source: at(line),
    raisedAt: null,
  };
}
