/** `postyard queue`: what waits and why, and what can be done with it. */
import { formatSpan } from '../base/span-words.ts';
import type {
  QueueAction,
  QueueActionResult,
  QueueDetail,
  QueueList,
  QueuedMessage,
} from '../api/protocol.ts';
import { columns } from './columns.ts';
import { UsageError, readArguments, readDurationMs } from './command.ts';
import type { Command } from './command.ts';
import { EngineClient } from './engine-client.ts';

const SHOWN_MAX = 1_000;

const OPTIONS = {
  workspace: { type: 'string' },
  id: { type: 'string', multiple: true },
  all: { type: 'boolean' },
  reason: { type: 'string' },
  for: { type: 'string' },
  to: { type: 'string' },
  'routing-domain': { type: 'string' },
  tenant: { type: 'string' },
  campaign: { type: 'string' },
  in: { type: 'string' },
  at: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Options = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

export const queue: Command = {
  name: 'queue',
  summary: 'List and show queues; deliver, suspend, resume, bounce, rebind, change due times',
  usage: [
    'queue list|show NAME [--json]',
    '       postyard queue deliver NAME|--id ID…|--all',
    '       postyard queue suspend NAME [--for DURATION] [--reason TEXT] | resume NAME',
    '       postyard queue bounce NAME|--id ID… [--reason TEXT] | stop-bounce NAME',
    '       postyard queue rebind NAME|--id ID… [--to QUEUE] [--routing-domain D] [--tenant T] [--campaign C]',
    '       postyard queue due NAME|--id ID… --in DURATION|--at TIME',
  ].join('\n'),
  async run(args) {
    const { values, positionals } = readArguments(args, OPTIONS);
    const [verb = 'list', name, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`found "${rest.join(' ')}" after ${name ?? verb}`);
    const isReading = verb === 'list' || verb === 'show';
    const action = isReading ? null : actionOf(verb, name, values);
    if (verb === 'show' && name === undefined)
      throw new UsageError('show lacks the name of a queue');
    const engine = EngineClient.find(values.workspace);
    if (engine === null) return 3;
    if (action !== null) {
      const result = await engine.post<QueueActionResult>('/queues/actions', action);
      process.stdout.write(`${values.json === true ? JSON.stringify(result) : result.text}\n`);
      return 0;
    }
    const path = verb === 'list' ? '' : `/${encodeURIComponent(name ?? '')}?limit=${SHOWN_MAX}`;
    const answer = await engine.get<QueueList | QueueDetail>(`/queues${path}`);
    const text =
      values.json === true
        ? JSON.stringify(answer, null, 2)
        : 'scheduled' in answer
          ? listText(answer)
          : detailText(answer);
    process.stdout.write(`${text}\n`);
    return 0;
  },
};

/** @throws {UsageError} */
function actionOf(verb: string, name: string | undefined, options: Options): QueueAction {
  const reason = options.reason ?? 'asked for by postyard queue';
  const named = (): string => {
    if (name === undefined) throw new UsageError(`${verb} lacks the name of a queue`);
    return name;
  };
  const meant = (): { queue: string } | { messageIds: readonly string[] } =>
    options.id === undefined ? { queue: named() } : { messageIds: options.id };
  switch (verb) {
    case 'deliver':
      return { verb: 'deliver-now', ...(options.all === true ? {} : meant()) };
    case 'suspend': {
      const durationMs = options.for === undefined ? null : readDurationMs('--for', options.for);
      return { verb, queue: named(), reason, ...(durationMs !== null && { durationMs }) };
    }
    case 'resume':
    case 'stop-bounce':
      return { verb, queue: named() };
    case 'bounce':
      return { verb, ...meant(), reason };
    case 'rebind':
      return { verb, ...meant(), data: rebindData(options), reason };
    case 'due':
      return { verb: 'set-due', ...meant(), ...dueOf(options) };
    default:
      throw new UsageError(
        `found "${verb}", expected list, show, deliver, suspend, resume, bounce, stop-bounce, rebind or due`,
      );
  }
}

/** @throws {UsageError} nothing says where to */
function rebindData(options: Options): Record<string, string> {
  const data = Object.entries({
    queue: options.to,
    routing_domain: options['routing-domain'],
    tenant: options.tenant,
    campaign: options.campaign,
  }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (data.length === 0) {
    throw new UsageError(
      'rebind lacks where to, expected --to, --routing-domain, --tenant or --campaign',
    );
  }
  return Object.fromEntries(data);
}

/** @throws {UsageError} */
function dueOf(options: Options): { inMs: number } | { dueMs: number } {
  if (options.in !== undefined) return { inMs: readDurationMs('--in', options.in) };
  if (options.at === undefined) throw new UsageError('due lacks when, expected --in or --at');
  const dueMs = Date.parse(options.at);
  if (Number.isNaN(dueMs)) {
    throw new UsageError(`--at is ${options.at}, expected a time such as 2026-11-25T16:00:00Z`);
  }
  return { dueMs };
}

function listText({ scheduled, ready, nowMs }: QueueList): string {
  const lines = scheduled
    .toSorted((a, b) => (a.nextDueMs ?? Infinity) - (b.nextDueMs ?? Infinity))
    .map(({ name, depth, nextDueMs, suspended, bouncing, configError, lastError }) => {
      const due = nextDueMs === null ? '-' : untilText(nextDueMs - nowMs);
      const held =
        suspended !== null
          ? `suspended: ${suspended.reason}`
          : bouncing !== null
            ? `bouncing: ${bouncing.reason}`
            : (configError ?? lastError ?? '');
      return [String(depth).padStart(7), due, name, held];
    });
  const paths = ready.map(({ name, depth, connections, connectionLimit, suspended }) => [
    ...[String(depth).padStart(7), `${connections}/${connectionLimit}`, name],
    suspended === null ? '' : `suspended: ${suspended.reason}`,
  ]);
  return [
    ...(lines.length === 0
      ? ['No scheduled queue']
      : columns([['  depth', 'due', 'scheduled queue', 'last reply'], ...lines])),
    ...(paths.length === 0
      ? []
      : ['', ...columns([['  ready', 'sessions', 'ready queue', ''], ...paths])]),
  ].join('\n');
}

function detailText(detail: QueueDetail): string {
  const { queue: row, messages, more, nowMs, maxRetryIntervalMs, configSource } = detail;
  const cap = maxRetryIntervalMs === null ? '' : ` up to ${formatSpan(maxRetryIntervalMs)}`;
  return [
    `${row.name}  ${row.depth} waiting, ${row.protocol}`,
    `retry ${formatSpan(detail.retryIntervalMs)}, doubling${cap}; max age ${formatSpan(detail.maxAgeMs)}; ${configSource === null ? 'the defaults' : `from ${configSource.label}`}`,
    ...messages.map((message) => messageText(message, nowMs)),
    ...(more > 0 ? [`${more} more are not listed`] : []),
  ].join('\n');
}

function messageText(message: QueuedMessage, nowMs: number): string {
  const { messageId, to, numAttempts, dueMs, expiresMs, why } = message;
  const due = dueMs === null ? '-' : untilText(dueMs - nowMs);
  return `\n${messageId}  ${to}\n  attempts ${numAttempts}, due ${due}, expires ${untilText(expiresMs - nowMs)}\n  ${why}`;
}

function untilText(ms: number): string {
  return ms <= 0 ? 'now' : `in ${formatSpan(ms)}`;
}
