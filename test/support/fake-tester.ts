/**
 * Tester and expectations of the fake engine: plausible answers about three kinds of mail, and as
 * many cases as a test wants, of which every seventh fails.
 */
import type { FastifyInstance } from 'fastify';
import type {
  ExpectationList,
  ExpectationResult,
  ExpectationRun,
  ExpectationRunRequest,
  ExpectationSaveRequest,
  ExplainedCase,
  ExplainedRecipient,
  ExplainRequest,
  JourneyPart,
  JourneyStep,
} from '../../engine/api/protocol.ts';
import { FAKE_NOW_MS } from './fake-mail.ts';

type FakeCase = ExpectationList['files'][number]['cases'][number];

const PEOPLE = ['ada', 'grace.holm', 'tomas', 'wei.zhang', 'nadia', 'marta.k'];
const MINUTE_MS = 60_000;

export class FakeTester {
  readonly asked: { explain: ExplainRequest[]; runs: ExpectationRunRequest[] } = {
    explain: [],
    runs: [],
  };
  readonly saved: ExpectationSaveRequest[] = [];
  readonly #cases: FakeCase[];

  constructor(count: number) {
    this.#cases = Array.from({ length: count }, (_, index) => fakeCase(index));
  }

  serve(server: FastifyInstance): void {
    server.post('/api/v1/explain', ({ body }) => this.#explain(body as ExplainRequest));
    server.get('/api/v1/expectations', () => this.#list());
    server.post('/api/v1/expectations/run', ({ body }) => this.#run(body as ExpectationRunRequest));
    server.post('/api/v1/expectations/save', ({ body }) => {
      const request = body as ExpectationSaveRequest;
      this.saved.push(request);
      const { from = '', to = [] } = request.message;
      this.#cases.unshift({
        name: request.name,
        rows: [''],
        table: [],
        summary: `${from} → ${to.join(', ')}`,
        expects: 'reply 250, state queued',
      });
      return { file: request.file, case: request.name };
    });
  }

  #list(): ExpectationList {
    if (this.#cases.length === 0) return { files: [] };
    const problem = { line: 12, text: 'cases[1].expect.reply: expected a code' };
    return {
      files: [
        { file: 'routing.json', name: 'Routing', cases: this.#cases, problem: null },
        { file: 'old/partners.json', name: 'old/partners.json', cases: [], problem },
      ],
    };
  }

  #run({ file, case: name, ...rest }: ExpectationRunRequest): ExpectationRun {
    this.asked.runs.push({
      ...rest,
      ...(file !== undefined && { file }),
      ...(name !== undefined && { case: name }),
    });
    const results = this.#cases.flatMap((one, index) =>
      name === undefined || one.name === name ? resultsOf(one, index) : [],
    );
    const passed = results.filter(({ ok }) => ok).length;
    return { results, passed, failed: results.length - passed, durationMs: 41 };
  }

  #explain(request: ExplainRequest): { asIs: ExplainedCase; whatIf: ExplainedCase | null } {
    this.asked.explain.push(request);
    const switched = Object.entries(request.whatIf?.routes ?? {});
    const isOff = switched.some(([name, on]) => name === 'sg-smarthost' && !on);
    const label = switched.map(([name, on]) => `route ${name} ${on ? 'on' : 'off'}`).join(', ');
    return {
      asIs: explained('as it is', request, true),
      whatIf: switched.length === 0 ? null : explained(label, request, !isOff),
    };
  }
}

function fakeCase(index: number): FakeCase {
  const person = PEOPLE[index % PEOPLE.length] ?? 'ada';
  const hasTable = index % 9 === 4;
  const table = hasTable
    ? PEOPLE.slice(0, 4).map((user, row) => ({ user, tenant: row % 2 === 0 ? 'acme' : 'globex' }))
    : [];
  return {
    name: hasTable ? `every tenant by its smarthost ${index}` : `receipt ${index} to ${person}`,
    rows: hasTable ? table.map(({ user, tenant }) => `user=${user}, tenant=${tenant}`) : [''],
    table,
    summary: `orders@shop.example.com → ${hasTable ? '{{ user }}' : person}@example.org`,
    expects: 'reply 250, state queued, route sg-smarthost, plan ["127.0.0.1:2526"]',
  };
}

function resultsOf(one: FakeCase, index: number): ExpectationResult[] {
  return one.rows.map((row, at) => {
    const ok = index % 7 !== 4 || at % 2 === 1;
    const user = String(one.table[at]?.['user'] ?? PEOPLE[index % PEOPLE.length]);
    return {
      ...{ file: 'routing.json', case: one.name, row, to: `${user}@example.org`, ok },
      differences: ok
        ? []
        : [
            { field: 'route', expected: 'sg-smarthost', found: 'none' },
            { field: 'plan', expected: '127.0.0.1:2526', found: 'mx1.example.org:25' },
          ],
      problem: null,
      durationMs: 1.6,
      message: { from: 'orders@shop.example.com', to: [`${user}@example.org`] },
    };
  });
}

function explained(label: string, request: ExplainRequest, isRouted: boolean): ExplainedCase {
  const to = request.to ?? ['ada@example.com'];
  const recipients = to.map((one) => recipient(one, isRouted));
  return {
    label,
    reply: recipients[0]?.reply ?? { code: 250, text: 'OK' },
    recipients,
    ...{ effects: [], problem: null, notes: [] },
  };
}

function recipient(to: string, isRouted: boolean): ExplainedRecipient {
  const domain = to.split('@')[1] ?? '';
  const isRefused = to.startsWith('nobody');
  const reply = isRefused
    ? { code: 550, text: '5.1.1 no such user' }
    : { code: 250, text: 'OK ids=9c02e1d4e8ee11f193a0cc0616c96fb1' };
  const base = isRouted ? 5 : 20;
  const ages = isRouted ? [5, 15, 35, 75, 155, 240] : [20, 60, 140, 300, 10_080];
  return {
    to,
    state: isRefused ? 'rejected' : 'queued',
    reply,
    queue: isRefused ? null : `receipts:acme@${domain}${isRouted ? '!smarthost.example.net' : ''}`,
    queueWhy: isRefused ? null : 'Campaign, tenant: meta; domain: recipient',
    route: isRefused || !isRouted ? null : 'sg-smarthost',
    routeWhy: null,
    protocol: isRefused ? null : 'smtp',
    target: isRefused ? null : isRouted ? 'smarthost.example.net' : `mx1.${domain}`,
    ...{ capturedInstead: null, maildirPath: null, configSource: null, site: null },
    pool: isRefused ? null : 'main',
    source: isRefused ? null : 'ip-1',
    plan: isRefused
      ? []
      : isRouted
        ? [plannedHost('smarthost.example.net', '127.0.0.1', 2526, 'smtp_port of the path')]
        : [plannedHost(`mx1.${domain}`, '192.0.2.25', 25, 'smtp_port of the path')],
    failure: null,
    planNotes: isRouted || isRefused ? [] : [`mx1.${domain} is not open: its mail is captured`],
    dueInMs: 0,
    retries: isRefused
      ? []
      : ages.map((minutes, index) => ({
          afterMs: minutes * MINUTE_MS,
          expires: index === ages.length - 1,
          arithmetic: `${base} m × 2^${index}`,
        })),
    meta: { tenant: 'acme', campaign: 'receipts' },
    changes: { meta: [], headers: [], sender: null, recipients: null, body: null },
    parts: partsOf(to, isRouted, isRefused),
  };
}

function plannedHost(name: string, ip: string, port: number, portFrom: string) {
  return { name, ip, port, portFrom };
}

function partsOf(to: string, isRouted: boolean, isRefused: boolean): JourneyPart[] {
  const received: JourneyPart[] = [
    part('reception', 'Reception', 'listener 127.0.0.1:1025', [
      step('line', 'MAIL', 'orders@shop.example.com', '250 OK'),
      step('line', 'RCPT', to, isRefused ? '550 5.1.1 no such user' : '250 OK'),
    ]),
  ];
  if (isRefused) return received;
  return [
    ...received,
    {
      ...part('policy', 'Policy', '', [
        step('call', 'smtp_server_message_received', 'msg, conn', 'nil', 63),
        step('meta', 'tenant', 'unset', '"acme"', 64),
        step('meta', 'campaign', 'unset', '"receipts"', 66),
      ]),
      durationMs: 1.6,
    },
    part(
      'queue',
      `receipts:acme@${to.split('@')[1]}${isRouted ? '!smarthost.example.net' : ''}`,
      '',
      [
        step('why', '', isRouted ? 'Route sg-smarthost decided it' : 'The recipient’s domain'),
        step('why', '', isRouted ? 'Retry after 5 m, doubling; max age 4 h' : 'Retry after 20 m, doubling; max age 7 d', '', 91), // prettier-ignore
      ],
    ),
    part('plan', 'Connection plan', 'pool main, source ip-1, TLS opportunistic', [
      step('why', '', isRouted ? '1 smarthost.example.net. 127.0.0.1:2526' : '1 mx1. 192.0.2.25:25', isRouted ? 'greylist' : 'not open'), // prettier-ignore
    ]),
  ];
}

function part(
  kind: JourneyPart['kind'],
  title: string,
  detail: string,
  steps: JourneyStep[],
): JourneyPart {
  return {
    ...{ kind, title, detail, steps, atMs: FAKE_NOW_MS },
    ...{ durationMs: null, state: null, code: null, source: null },
  };
}

function step(
  kind: JourneyStep['kind'],
  what: string,
  text: string,
  result = '',
  line = 0,
): JourneyStep {
  const source: JourneyStep['source'] =
    line === 0 ? null : { label: `init.lua:${line}`, file: 'init.lua', line };
  return { ...{ kind, what, text, result, offsetMs: null, durationMs: null }, source };
}
