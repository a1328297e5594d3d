/** `postyard route`: the routes of a running engine: listed, switched, added, tried, moved, as Lua. */
import { parse as parseJson } from 'jsonc-parser';
import type {
  Explanation,
  ExplainRequest,
  LedgerPage,
  RouteChanged,
  RouteList,
  RouteLua,
  RouteMoved,
} from '../api/protocol.ts';
import { columns } from './columns.ts';
import { UsageError, readArguments } from './command.ts';
import { problemText } from '../files/checked-jsonc.ts';
import type { Command } from './command.ts';
import { readHeader, readMeta } from './dry-options.ts';
import { EngineClient } from './engine-client.ts';
import { readGiven } from './system-words.ts';

const OPTIONS = {
  workspace: { type: 'string' },
  at: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string', multiple: true },
  header: { type: 'string', multiple: true },
  meta: { type: 'string', multiple: true },
  limit: { type: 'string', default: '50' },
  json: { type: 'boolean' },
} as const;

type Options = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

interface Call {
  readonly engine: EngineClient;
  readonly name: string | undefined;
  readonly options: Options;
}

export const route: Command = {
  name: 'route',
  summary:
    'List routes; switch, add, order, remove and try them; move queued mail; open hosts; as Lua',
  usage: [
    'route list [--json]',
    '       postyard route on|off|remove NAME',
    '       postyard route add FILE|JSON [--at NUMBER]      (one route, as in routes.json)',
    '       postyard route order NAME NUMBER',
    '       postyard route move [NAME]                      (queued mail takes the new way)',
    '       postyard route test --to ADDRESS… [--from ADDRESS] [--header "Name: value"…] [--meta KEY=VALUE…]',
    '       postyard route lua [NAME]',
    '       postyard route open|close HOST                  (may mail leave this machine to it)',
    '       postyard route capture on|off                   (capture what would leave)',
    '       postyard route outgoing [--limit N]             (what left or was refused)',
  ].join('\n'),
  async run(args) {
    const { values: options, positionals } = readArguments(args, OPTIONS);
    const [verb = 'list', name, number, ...rest] = positionals;
    const run = VERBS[verb];
    if (run === undefined)
      throw new UsageError(`found "${verb}", expected one of ${Object.keys(VERBS).join(', ')}`);
    if (rest.length > 0 || (number !== undefined && verb !== 'order'))
      throw new UsageError(`found "${rest[0] ?? number}" after ${name ?? verb}`);
    if (NEEDS_NAME.has(verb) && name === undefined)
      throw new UsageError(`${verb} lacks ${LACKS[verb] ?? 'the name of a route'}`);
    if (verb === 'test' && options.to === undefined)
      throw new UsageError('--to is missing, expected at least one address');
    const at = number ?? options.at;
    const engine = EngineClient.find(options.workspace);
    if (engine === null) return 3;
    const text = await run({
      engine,
      name,
      options: at === undefined ? options : { ...options, at },
    });
    process.stdout.write(`${text.trimEnd()}\n`);
    return 0;
  },
};

const NEEDS_NAME: ReadonlySet<string> = new Set([
  ...['on', 'off', 'remove', 'add', 'order', 'open', 'close', 'capture'],
]);
const LACKS: Readonly<Record<string, string>> = {
  add: 'a route',
  open: 'a host',
  close: 'a host',
  capture: 'on or off',
};

const VERBS: Readonly<Record<string, (call: Call) => Promise<string>>> = {
  async list({ engine, options }) {
    const list = await engine.get<RouteList>('/routes');
    return options.json === true ? JSON.stringify(list, null, 2) : listText(list);
  },
  on: (call) => switched(call, true),
  off: (call) => switched(call, false),
  async remove({ engine, name, options }) {
    const path = pathOf(name);
    return changedText(await engine.send<RouteChanged>('DELETE', path), options);
  },
  async add({ engine, name = '', options }) {
    const given = readRoute(name);
    const at = options.at === undefined ? {} : { at: readPlace(options.at) };
    const body = { route: given, ...at };
    return changedText(await engine.send<RouteChanged>('PUT', pathOf(given.name), body), options);
  },
  async order({ engine, name = '', options }) {
    const { routes } = await engine.get<RouteList>('/routes');
    const names = routes.map((row) => row.route.name).filter((one) => one !== name);
    names.splice(readPlace(options.at ?? ''), 0, name);
    return changedText(await engine.post<RouteChanged>('/routes/order', { names }), options);
  },
  async move({ engine, name, options }) {
    const moved = await engine.post<RouteMoved>('/routes/move', name === undefined ? {} : { name });
    return options.json === true ? JSON.stringify(moved) : moved.text;
  },
  async test({ engine, options }) {
    const { from, to, header, meta } = options;
    const request: ExplainRequest = {
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(header && { headers: header.map(readHeader) }),
      ...(meta && { meta: readMeta(meta) }),
    };
    const answer = await engine.post<Explanation>('/explain', request);
    return options.json === true ? JSON.stringify(answer, null, 2) : testText(answer);
  },
  async lua({ engine, name }) {
    const path = name === undefined ? '/lua/routes' : `${pathOf(name)}/lua`;
    return (await engine.get<RouteLua>(path)).text;
  },
  open: ({ engine, name = '' }) => openHosts(engine, (open) => [...new Set([...open, name])]),
  close: ({ engine, name = '' }) =>
    openHosts(engine, (open) => {
      if (!open.includes(name))
        throw new UsageError(`${name} is not open, expected one of: ${open.join(', ') || 'none'}`);
      return open.filter((host) => host !== name);
    }),
  async capture({ engine, name, options }) {
    if (name !== 'on' && name !== 'off')
      throw new UsageError(`capture is ${name ?? ''}, expected on or off`);
    const body = { enabled: name === 'on' };
    return changedText(await engine.post<RouteChanged>('/routes/capture', body), options);
  },
  async outgoing({ engine, options }) {
    const { rows } = await engine.get<LedgerPage>(
      `/ledger?limit=${encodeURIComponent(options.limit)}`,
    );
    if (options.json === true) return JSON.stringify(rows, null, 2);
    const lines = rows.map(({ timeMs, allowed, kind, target, why }) => {
      const time = new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');
      return [time, allowed ? 'left   ' : 'refused', kind, target, why].join('  ');
    });
    return lines.join('\n') || 'Nothing has left and nothing was refused';
  },
};

/** @returns the hosts that are open now */
async function openHosts(
  engine: EngineClient,
  change: (open: readonly string[]) => readonly string[],
): Promise<string> {
  const { openHosts: before } = await engine.get<RouteList>('/routes');
  const { list } = await engine.send<RouteChanged>('PUT', '/open-hosts', {
    hosts: change(before.workspace),
  });
  const { workspace, byRoute } = list.openHosts;
  const lines = [
    ...workspace,
    ...byRoute.map(({ route: name, hosts }) => `${hosts.join(', ')} by route ${name}`),
  ];
  return lines.join('\n') || 'No host is open: nothing leaves this machine';
}

async function switched({ engine, name, options }: Call, enabled: boolean): Promise<string> {
  return changedText(await engine.send<RouteChanged>('PATCH', pathOf(name), { enabled }), options);
}

function pathOf(name: string | undefined): string {
  return `/routes/${encodeURIComponent(name ?? '')}`;
}

/** A file, or the JSON itself. @throws {UsageError} */
function readRoute(given: string): { readonly name: string } {
  const text = given.trimStart().startsWith('{')
    ? given
    : readGiven('add, which expects JSON or a file, found', given).toString('utf8');
  const value = parseJson(text) as { readonly name?: unknown } | undefined;
  if (typeof value?.name !== 'string')
    throw new UsageError('add found no route, expected JSON with name, match and to');
  return { ...value, name: value.name };
}

/** From 1, as the list counts. @throws {UsageError} */
function readPlace(text: string): number {
  const place = Number(text);
  if (!Number.isInteger(place) || place < 1)
    throw new UsageError(`the place is "${text}", expected a number from 1`);
  return place - 1;
}

function changedText({ list, movable }: RouteChanged, options: Options): string {
  if (options.json === true) return JSON.stringify({ list, movable }, null, 2);
  const offer =
    movable.value === 0
      ? ''
      : `\n\n${movable.isExact ? '' : 'up to '}${movable.value} queued messages would go another way now: postyard route move`;
  return listText(list) + offer;
}

function listText({ routes, otherwise, capture, problem }: RouteList): string {
  const rows = [
    ['#', 'on', 'name', 'match', 'technique', 'target', 'hits', 'last'],
    ...routes.map((row, index) => [
      String(index + 1),
      row.route.enabled ? 'on' : 'off',
      row.route.name,
      row.match,
      row.technique,
      row.target,
      String(row.hits),
      row.trouble?.kind === 'shadowed' ? 'shadowed' : String(row.last?.code ?? '-'),
    ]),
    ['', '', 'otherwise', '', '', 'the policy', String(otherwise.hits), ''],
    ...[['', capture.enabled ? 'on' : 'off', 'capture what would leave', '', '']].map((row) => [
      ...row,
      ...[capture.maildir, String(capture.hits), ''],
    ]),
  ];
  const lines = columns(rows);
  const notes = routes.flatMap(({ trouble }) => (trouble === null ? [] : [trouble.text]));
  if (problem !== null) notes.push(problemText('routes.json', { column: 1, ...problem }));
  return [...lines, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n');
}

function testText({ asIs: { recipients, problem } }: Explanation): string {
  const fates = recipients.map((one) =>
    [
      `${one.to}: ${one.state} ${one.reply.code} ${one.reply.text}`,
      `  route   ${one.route ?? 'none, the policy decides'}${one.routeWhy === null ? '' : `: ${one.routeWhy}`}`,
      ...(one.queue === null ? [] : [`  queue   ${one.queue}`]),
      ...(one.target === null ? [] : [`  target  ${one.protocol ?? ''} ${one.target}`]),
    ].join('\n'),
  );
  return [...(problem === null ? [] : [problem.text]), ...fates].join('\n');
}
