/** What the JSON entries of a shared file hold: its manifest, a row's parts, records, routes. */
import { z } from 'zod';
import type {
  AttemptDetail,
  AttemptList,
  Journey,
  JourneyStep,
  RecipientRow,
  RecordRow,
  RouteList,
  RowDetail,
  SharedPolicy,
} from '../api/protocol.ts';
import { routeSchema } from '../routes/route.ts';
import { ROW_STATES } from '../store/ops.ts';
import { FORMAT, FORMAT_VERSION, ROWS_MAX } from './share-format.ts';

const count = z.number().int().min(0);
const seq = z.number().int().min(1);
const nullableNumber = z.number().nullable();
const nullableText = z.string().nullable();
const state = z.enum(ROW_STATES);
const messagePath = z.string().regex(/^messages\/\d{1,16}(\.original)?\.eml$/);

export const rowSchema: z.ZodType<RecipientRow> = z.object({
  seq,
  transactionId: z.number(),
  messageId: nullableText,
  timeMs: z.number(),
  state,
  code: nullableNumber,
  from: nullableText,
  to: nullableText,
  subject: z.string(),
  route: z.string(),
  queue: z.string(),
  attempts: count,
  nextDueMs: nullableNumber,
  sizeBytes: count,
  hasAttachment: z.boolean(),
  isTls: z.boolean(),
  isAuth: z.boolean(),
  lastText: z.string(),
  isDeleted: z.boolean(),
});

const policy: z.ZodType<SharedPolicy> = z.object({
  main: z.string(),
  sha256: z.string(),
  files: z
    .array(
      z.object({
        // A path that stays below its folder: it becomes the name of an entry.
        path: z.string().regex(/^(?!.*(^|\/)\.{1,2}(\/|$))[^\\\0:]{1,1000}$/),
        sha256: z.string(),
        sizeBytes: count,
      }),
    )
    .max(2_000),
  hasTexts: z.boolean(),
});

export const manifestSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(FORMAT_VERSION),
  writtenBy: z.string().max(200),
  /** ISO 8601, real time. */
  exportedAt: z.iso.datetime(),
  /** The mail clock then. */
  clockMs: z.number(),
  workspace: z.string().max(1_000),
  selection: z.string().max(10_000),
  policy,
  /** Newest first, as the Mail list shows them. */
  rows: z.array(rowSchema).max(ROWS_MAX),
});
export type Manifest = z.output<typeof manifestSchema>;

/** What is read of the message itself stands in the message's bytes, not in the detail. */
const DERIVED = [
  ...(['messageIdHeader', 'headers', 'parts', 'textBody', 'hasHtml', 'attachments'] as const),
  ...(['remoteContent', 'isPending', 'parseError'] as const),
] as const satisfies readonly (keyof RowDetail)[];
export type SharedDetail = Omit<RowDetail, (typeof DERIVED)[number]>;

export function sharedDetail(detail: RowDetail): SharedDetail {
  const derived: ReadonlySet<string> = new Set(DERIVED);
  const kept = Object.entries(detail).filter(([key]) => !derived.has(key));
  return Object.fromEntries(kept) as unknown as SharedDetail;
}

export interface RowEntry {
  readonly detail: SharedDetail;
  /** Entries of the bytes as delivered, and as they were sent when these differ; null: none came. */
  readonly message: string | null;
  readonly original: string | null;
  /** What of the row was damaged already where it came from. */
  readonly problem: string | null;
}

const detailSchema: z.ZodType<SharedDetail> = z.object({
  row: rowSchema,
  reversePath: nullableText,
  forwardPaths: z.array(z.string()),
  sessionId: z.string(),
  listener: z.string(),
  peer: z.string(),
  ehlo: nullableText,
  tls: z.object({ version: z.string(), cipher: z.string() }).nullable(),
  auth: nullableText,
  summary: z.string(),
  whyWaiting: nullableText,
  meta: z.record(z.string(), z.unknown()),
  bodySizeBytes: count,
  isChanged: z.boolean(),
  maildir: z
    .object({
      path: z.string(),
      file: nullableText,
      isOnDisk: z.boolean(),
      flags: z.string(),
    })
    .nullable(),
  otherRecipients: z.array(z.object({ seq: z.number(), to: z.string(), state })),
  suppressedBy: z.exactOptional(
    z.object({
      entry: z.string(),
      recipient: z.string(),
      sendingDomain: z.string(),
      mode: z.enum(['off', 'reject', 'null', 'bounce']),
    }),
  ),
});

export const rowEntrySchema: z.ZodType<RowEntry> = z.object({
  detail: detailSchema,
  message: messagePath.nullable(),
  original: messagePath.nullable(),
  problem: nullableText,
});

const source = z.object({
  label: z.string(),
  file: z.exactOptional(z.string()),
  line: z.exactOptional(z.number()),
  route: z.exactOptional(z.string()),
});

const stepSchema: z.ZodType<JourneyStep> = z.object({
  kind: z.enum(['line', 'call', 'meta', 'print', 'why', 'error']),
  offsetMs: nullableNumber,
  what: z.string(),
  text: z.string(),
  result: z.string(),
  durationMs: nullableNumber,
  source: source.nullable(),
});

export const journeySchema: z.ZodType<Journey> = z.object({
  parts: z.array(
    z.object({
      kind: z.enum([
        ...(['reception', 'policy', 'queue', 'plan', 'attempt', 'wait'] as const),
        ...(['maildir', 'record', 'note'] as const),
      ]),
      atMs: z.number(),
      title: z.string(),
      detail: z.string(),
      durationMs: nullableNumber,
      state: state.nullable(),
      code: nullableNumber,
      steps: z.array(stepSchema),
      source: source.nullable(),
      realDurationMs: z.exactOptional(nullableNumber),
    }),
  ),
});

const attemptSchema: z.ZodType<AttemptDetail> = z.object({
  id: z.number(),
  number: z.number(),
  dueMs: nullableNumber,
  startedMs: z.number(),
  startedRealMs: z.number(),
  durationMs: nullableNumber,
  protocol: z.string(),
  site: z.string(),
  pool: nullableText,
  source: nullableText,
  peer: nullableText,
  outcome: z.enum(['running', 'delivered', 'deferred', 'bounced', 'cancelled', 'interrupted']),
  code: nullableNumber,
  text: z.string(),
  nextDueMs: nullableNumber,
  arithmetic: nullableText,
  notes: z.array(stepSchema),
  transcript: z.array(
    z.object({ atMs: z.number(), who: z.enum(['client', 'server', 'note']), text: z.string() }),
  ),
  farEnd: z.exactOptional(z.object({ name: z.string(), id: nullableText }).nullable()),
});
export const attemptsSchema: z.ZodType<AttemptList> = z.object({
  attempts: z.array(attemptSchema),
});

export const recordSchema: z.ZodType<RecordRow> = z.object({
  recordSeq: z.number(),
  timeMs: z.number(),
  type: z.string(),
  messageId: nullableText,
  rowSeq: nullableNumber,
  sender: z.string(),
  recipient: z.string(),
  queue: z.string(),
  site: z.string(),
  numAttempts: z.number(),
  code: z.number(),
  text: z.string(),
  json: z.string(),
});

const outcome = {
  hits: count,
  last: z
    .object({ code: nullableNumber, text: z.string(), state: z.string(), atMs: z.number() })
    .nullable(),
};
export const routesSchema: z.ZodType<RouteList> = z.object({
  revision: z.number(),
  file: z.string(),
  problem: z
    .object({ line: z.number(), column: z.exactOptional(z.number()), message: z.string() })
    .nullable(),
  routes: z.array(
    z.object({
      ...outcome,
      route: routeSchema,
      level: z.enum(['queue', 'message']),
      technique: z.string(),
      match: z.string(),
      target: z.string(),
      trouble: z
        .object({
          kind: z.enum(['shadowed', 'conflict', 'target']),
          by: nullableText,
          text: z.string(),
        })
        .nullable(),
      queued: count,
    }),
  ),
  otherwise: z.object(outcome),
  capture: z.object({ ...outcome, enabled: z.boolean(), maildir: z.string() }),
  openHosts: z.object({
    workspace: z.array(z.string()),
    byRoute: z.array(z.object({ route: z.string(), hosts: z.array(z.string()) })),
  }),
});
