/**
 * A route: a user's switchable rule of the overlay, as `routes.json` and the API write it. The
 * schema is the one place that says what may stand there; the JSON Schema in the docs is made of it.
 *
 * Source: `docs/routes.md`.
 */
import { z } from 'zod';

const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;
/** Words that a recipient row shows as its route when no route decided. */
const RESERVED: ReadonlySet<string> = new Set([
  'captured',
  'smtp',
  'maildir',
  'null',
  'internal',
  'xfer',
  'release',
]);

const filled = z.string().min(1, 'found nothing, expected a value');
const globs = z.union([filled, z.array(filled).min(1)]);
const duration = z
  .string()
  .regex(/^(\d+\s*(ms|s|m|h|d|w)\s*)+$/, 'expected a duration such as 30s, 5m or 4h');

const match = z
  .strictObject({
    recipient: globs.optional().describe('Whole address of the recipient'),
    domain: globs.optional().describe('Domain of the recipient'),
    sender: globs.optional().describe('Whole envelope sender; <> is the null sender'),
    senderDomain: globs.optional().describe('Domain of the envelope sender'),
    tenant: globs.optional(),
    campaign: globs.optional(),
    routingDomain: globs.optional().describe('Routing domain that the policy set'),
    queue: globs.optional().describe('Name of the scheduled queue'),
    header: z.record(filled, globs).optional(),
    meta: z.record(filled, globs).optional(),
  })
  .describe('All that is named has to match; a list matches when one of its globs does');

const tls = z
  .enum(['Opportunistic', 'OpportunisticInsecure', 'Required', 'RequiredInsecure', 'Disabled'])
  .optional();
const auth = z
  .strictObject({
    username: filled,
    password: z.string().optional(),
    passwordEnv: z
      .string()
      .regex(/^[A-Za-z_]\w*$/, 'expected the name of an environment variable')
      .optional()
      .describe('Environment variable that holds the password'),
    withoutTls: z.boolean().optional(),
    withoutValidCertificate: z.boolean().optional(),
  })
  .refine(
    ({ password, passwordEnv }) => (password === undefined) !== (passwordEnv === undefined),
    'expected one of password and passwordEnv',
  )
  .optional();
const port = z.int().min(1).max(65_535).optional();
const mode = z
  .string()
  .regex(/^[0-7]{3,4}$/, 'expected an octal mode such as 755')
  .optional();

/** `user.com`, `[127.0.0.1]`, `host:2025`, `/path/to.sock`: no blanks, at least something. */
const host = z
  .string()
  .regex(/^\S+$/, 'expected a host, host:port, [address] or [address]:port')
  .refine((text) => !/^\[[^\]]*$/.test(text), 'expected a closing bracket');
const domain = z
  .string()
  .regex(
    /^(\[\S+\]|[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?)(:\d{1,5})?$/i,
    'expected a domain such as smarthost.example.net or an [address]',
  );

const target = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('routingDomain'), domain, port, tls, auth }),
  z.strictObject({
    kind: z.literal('mxList'),
    hosts: z
      .array(
        z.union([
          host,
          z.strictObject({
            name: filled,
            addr: z
              .string()
              .regex(
                /^((\d{1,3}\.){3}\d{1,3}(:\d{1,5})?|\[[0-9a-f:.]+\]:\d{1,5}|[0-9a-f:.]*:[0-9a-f:.]*)$/i,
                'expected an address, ip:port or [ipv6]:port',
              ),
          }),
        ]),
      )
      .min(1),
    port,
    tls,
    auth,
  }),
  z.strictObject({ kind: z.literal('queue'), name: z.string().regex(/^\S+$/) }),
  z.strictObject({ kind: z.literal('farEnd'), name: filled, tls, auth }),
  z.strictObject({
    kind: z.literal('maildir'),
    path: filled.describe('Template, as maildir_path of a queue'),
    dirMode: mode,
    fileMode: mode,
  }),
  z.strictObject({
    kind: z.literal('customLua'),
    event: filled.describe('The event of the policy that makes the connection'),
  }),
  z.strictObject({ kind: z.literal('null') }),
  z.strictObject({
    kind: z.literal('reject'),
    code: z.int().min(400).max(599),
    text: z
      .string()
      .min(1)
      .regex(/^[ -~]+$/, 'expected one line of ASCII'),
  }),
]);

export const routeSchema = z.strictObject({
  name: z
    .string()
    .regex(NAME, 'expected small letters, digits and dashes, at most 40')
    .refine((name) => !RESERVED.has(name), 'expected another name, this one has a meaning already'),
  note: z.string().optional(),
  enabled: z.boolean().default(true),
  match: match.default({}),
  to: target,
  overwrite: z
    .boolean()
    .optional()
    .describe('Also mail whose queue or routing domain the policy set'),
  passThrough: duration
    .optional()
    .describe('The reply to the client waits this long for the first attempt'),
  opens: z.array(filled).optional().describe('Hosts opened while the route is on'),
  retryInterval: duration.optional(),
  maxRetryInterval: duration.optional(),
  maxAge: duration.optional(),
  egressPool: filled.optional(),
});

export type Route = z.output<typeof routeSchema>;
export type RouteMatch = Route['match'];
export type RouteTarget = Route['to'];
type Technique = 'routing domain' | 'mx_list' | 'queue' | 'maildir' | 'custom Lua' | 'reject';

/** What a queue's configuration can say by itself. */
const CONFIG_KINDS: ReadonlySet<RouteTarget['kind']> = new Set([
  'mxList',
  'farEnd',
  'maildir',
  'customLua',
]);

/** Its own queue configuration answers, wherever it was decided. */
export function hasQueueConfig({ to }: Pick<Route, 'to'>): boolean {
  return CONFIG_KINDS.has(to.kind);
}

/**
 * `queue`: decided by the queue's name alone, so it answers `get_queue_config` and the queue keeps
 * its name. `message`: decided when the message was received.
 */
export function levelOf(route: Pick<Route, 'to' | 'match'>): 'queue' | 'message' {
  const { recipient, sender, senderDomain, header, meta } = route.match;
  const needsMessage = [recipient, sender, senderDomain, header, meta].some(
    (one) => one !== undefined,
  );
  return hasQueueConfig(route) && !needsMessage ? 'queue' : 'message';
}

export function techniqueOf({ to }: Pick<Route, 'to'>): Technique {
  switch (to.kind) {
    case 'routingDomain':
      return 'routing domain';
    case 'mxList':
    case 'farEnd':
      return 'mx_list';
    case 'queue':
    case 'null':
      return 'queue';
    case 'maildir':
      return 'maildir';
    case 'customLua':
      return 'custom Lua';
    case 'reject':
      return 'reject';
  }
}

/** The target in a few words, as lists show it. */
export function targetText({ to }: Pick<Route, 'to'>): string {
  switch (to.kind) {
    case 'routingDomain':
      return to.port === undefined ? to.domain : `${to.domain}, port ${to.port}`;
    case 'mxList':
      return to.hosts
        .map((entry) => (typeof entry === 'string' ? entry : `${entry.name} (${entry.addr})`))
        .join(', ');
    case 'queue':
      return to.name;
    case 'farEnd':
      return `far end ${to.name}`;
    case 'maildir':
      return to.path;
    case 'customLua':
      return to.event;
    case 'null':
      return 'null';
    case 'reject':
      return `${to.code} ${to.text}`;
  }
}

/** The routing domain under which a message-level route keeps its own queues. */
export function ownRoutingDomain(name: string): string {
  return `route-${name}.invalid`;
}

/** The route whose own queue this is; null for all other routing domains. */
export function routeOfRoutingDomain(routingDomain: string | null): string | null {
  return /^route-(.+)\.invalid$/.exec(routingDomain ?? '')?.[1] ?? null;
}
