/**
 * A far end as data: what `far-ends.json` may say. Everything else about scenarios follows from
 * these tables: the JSON Schema for editors, the messages about mistakes, and the matrix test,
 * which has a cell for every behaviour at every stage.
 *
 * Source: RFC 5321 §3-4 for the stages.
 */
import { z } from 'zod';
import { parseDurationMs } from '../base/duration.ts';
import { PROVIDER_REPLIES } from './provider-replies.ts';
import type { ProviderReplyName } from './provider-replies.ts';

/** Where a rule acts, in the order in which a delivery comes by. */
const STAGES = [
  'connect',
  'ehlo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  /** While the message arrives. */
  'content',
  /** After the final dot. */
  'dot',
  'rset',
  'quit',
] as const;

export type Stage = (typeof STAGES)[number];

const REPLYING = STAGES.filter((stage) => stage !== 'content' && stage !== 'starttls');

/** Which behaviour makes sense where. A cell of the matrix test for each. */
export const STAGES_OF = {
  accept: REPLYING,
  reject: ['connect', 'ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'dot', 'rset'],
  greylist: ['rcpt', 'data', 'dot'],
  'fail-first': ['connect', 'ehlo', 'auth', 'mail', 'rcpt', 'data', 'dot'],
  'rate-limit': ['connect', 'mail', 'rcpt', 'data', 'dot'],
  slow: STAGES.filter((stage) => stage !== 'quit'),
  drip: REPLYING,
  hang: STAGES,
  disconnect: STAGES,
  garbage: ['connect', 'ehlo', 'starttls', 'mail', 'rcpt', 'data', 'dot'],
  'extra-reply': ['mail', 'rcpt', 'data', 'dot'],
  'out-of-order': ['mail', 'rcpt'],
} as const satisfies Readonly<Record<string, readonly Stage[]>>;

export type Behaviour = keyof typeof STAGES_OF;

/** What STARTTLS leads to. `none`: it is not offered. */
export const TLS_KINDS = [
  'none',
  'good',
  'self-signed',
  'expired',
  'wrong-name',
  'old-protocol',
] as const;

export type TlsKind = (typeof TLS_KINDS)[number];

/** ESMTP extensions that a far end can do without. */
export const EXTENSIONS = [
  'PIPELINING',
  '8BITMIME',
  'SMTPUTF8',
  'SIZE',
  'ENHANCEDSTATUSCODES',
] as const;

export type Extension = (typeof EXTENSIONS)[number];

/** Whom a rule counts for. */
const SCOPES = ['recipient', 'sender', 'triplet', 'connection', 'client', 'everybody'] as const;

export type Scope = (typeof SCOPES)[number];

const duration = z
  .string()
  .refine((text) => parseDurationMs(text) !== undefined, {
    message: 'expected a duration such as "300ms", "20s" or "5m"',
  })
  .describe('A duration: 300ms, 20s, 5m, 1h 30m');

const text = z
  .union([z.string().max(4_000), z.array(z.string().max(1_000)).min(1).max(50)])
  .describe('Text of the reply; a list makes a reply of several lines');

const code = z.int().min(400).max(599).describe('4xx: tried again; 5xx: given up');

const enhanced = z
  .union([z.string().regex(/^[245]\.\d{1,3}\.\d{1,3}$/, 'expected such as 4.7.1'), z.literal('')])
  .describe('Enhanced status code (RFC 3463); "" for none');

const glob = z.string().min(1).max(320);

const when = {
  to: glob.optional().describe('Only for recipients that match: over.quota*, *@example.com'),
  from: glob.optional().describe('Only for envelope senders that match; <> is the null sender'),
  chance: z.number().gt(0).max(1).optional().describe('How often it applies: 0.25 is one in four'),
  times: z.int().min(1).max(1_000_000).optional().describe('Applies only so many times'),
};

const answer = {
  code: code.optional(),
  enhanced: enhanced.optional(),
  text: text.optional(),
  like: z
    .enum(Object.keys(PROVIDER_REPLIES) as [ProviderReplyName, ...ProviderReplyName[]])
    .optional()
    .describe('A reply in the style of a large receiver'),
};

const per = z.enum(SCOPES).optional().describe('Whom it counts for');

function at<S extends Stage>(stages: readonly S[]): z.ZodEnum<{ [K in S]: K }> {
  return z.enum(stages as readonly [S, ...S[]]) as z.ZodEnum<{ [K in S]: K }>;
}

const ruleSchema = z.discriminatedUnion('do', [
  z
    .strictObject({
      do: z.literal('accept'),
      at: at(STAGES_OF.accept),
      ...when,
      text: text.optional(),
    })
    .describe('Accepts, and asks no later rule; the text may contain {id}'),
  z
    .strictObject({ do: z.literal('reject'), at: at(STAGES_OF.reject), ...when, ...answer })
    .describe('Refuses; default 550'),
  z
    .strictObject({
      do: z.literal('greylist'),
      at: at(STAGES_OF.greylist),
      ...when,
      ...answer,
      delay: duration
        .optional()
        .describe('How long a new triplet is kept away; default 5m, in mail time'),
      remember: duration.optional().describe('How long a known triplet stays known; default 36d'),
    })
    .describe('Defers each new triplet of client, sender and recipient; default 451'),
  z
    .strictObject({
      do: z.literal('fail-first'),
      at: at(STAGES_OF['fail-first']),
      ...when,
      ...answer,
      count: z.int().min(1).max(1_000).optional().describe('Failures before it accepts; default 1'),
      per,
    })
    .describe('Fails so many times, then accepts; default 451 per recipient'),
  z
    .strictObject({
      do: z.literal('rate-limit'),
      at: at(STAGES_OF['rate-limit']),
      ...when,
      ...answer,
      max: z.int().min(0).max(100_000).describe('So many are let through'),
      window: duration.optional().describe('In so much mail time; default 1m'),
      per,
    })
    .describe('Refuses what is above the rate; default 421, which closes the connection'),
  z
    .strictObject({ do: z.literal('slow'), at: at(STAGES_OF.slow), ...when, wait: duration })
    .describe('Waits (real time) before the next rule; at content: between pieces of 8 KB'),
  z
    .strictObject({ do: z.literal('drip'), at: at(STAGES_OF.drip), ...when, interval: duration })
    .describe('Sends its reply byte by byte, so far apart (real time)'),
  z
    .strictObject({
      do: z.literal('hang'),
      at: at(STAGES_OF.hang),
      ...when,
      afterBytes: z.int().min(0).optional().describe('At content: after so many bytes'),
    })
    .describe('Never answers'),
  z
    .strictObject({
      do: z.literal('disconnect'),
      at: at(STAGES_OF.disconnect),
      ...when,
      how: z.enum(['close', 'reset']).optional().describe('FIN or RST; default close'),
      moment: z.enum(['instead-of-reply', 'after-reply']).optional(),
      afterBytes: z.int().min(0).optional().describe('At content: after so many bytes'),
    })
    .describe('Closes the connection'),
  z
    .strictObject({ do: z.literal('garbage'), at: at(STAGES_OF.garbage), ...when })
    .describe('Sends something that is no reply; at starttls: no handshake'),
  z
    .strictObject({ do: z.literal('extra-reply'), at: at(STAGES_OF['extra-reply']), ...when })
    .describe('Answers the command twice'),
  z
    .strictObject({ do: z.literal('out-of-order'), at: at(STAGES_OF['out-of-order']), ...when })
    .describe('Answers a pipelined command after the one that follows it'),
]);

export type Rule = z.output<typeof ruleSchema>;

export const farEndSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected lower-case letters, digits and dashes')
      .describe('By which routes refer to it'),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .default(0)
      .describe('On loopback; 0: any free one, remembered'),
    on: z.boolean().default(true).describe('Off: connections are refused'),
    protocol: z.enum(['smtp', 'lmtp']).default('smtp'),
    hostname: z.string().min(1).max(253).optional().describe('What it calls itself'),
    seed: z.int().optional().describe('For rules with a chance: the same seed, the same luck'),
    tls: z.enum(TLS_KINDS).default('none').describe('Certificate shown after STARTTLS'),
    tlsRequired: z.boolean().default(false).describe('Takes no mail without TLS'),
    auth: z
      .union([
        z.literal('none'),
        z.literal('any'),
        z.strictObject({ user: z.string(), password: z.string() }),
      ])
      .default('none')
      .describe('Whether it offers AUTH, and to whom'),
    authRequired: z.boolean().default(false).describe('Takes no mail without AUTH'),
    without: z.array(z.enum(EXTENSIONS)).default([]).describe('Extensions it does not offer'),
    sizeMax: z.int().min(1).default(50_000_000).describe('Largest message in bytes; larger: 552'),
    recipientsMax: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('In one transaction; more: 452'),
    magic: z.boolean().default(true).describe('Magic recipient addresses work'),
    rules: z.array(ruleSchema).max(200).default([]),
  })
  .describe('A simulated destination');

export type FarEndSpec = z.output<typeof farEndSchema>;

export const farEndsFileSchema = z.strictObject({
  $schema: z.string().optional(),
  farEnds: z.array(farEndSchema).max(200).default([]),
});
