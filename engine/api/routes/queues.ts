/** `/queues…`: scheduled and ready queues, and what can be done with them. */
import { z } from 'zod';
import { noSuchQueue } from '../queue-actions.ts';
import { asSent, route } from '../route.ts';
import type { Route } from '../route.ts';

const MESSAGES_MAX = 1_000;

const MESSAGE_IDS_MAX = 10_000;

const messageId = z.string().regex(/^[0-9a-f]{32}$/);
const messageIds = z.array(messageId).max(MESSAGE_IDS_MAX);
const reason = z.string().min(1).max(500);

export const queueRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/queues',
    summary: 'All queues with depth, next due time and last error',
    answer: 'QueueList',
    run: (_input, { doors }) => Promise.resolve(doors.queues.list()),
  }),
  route({
    method: 'GET',
    url: '/queues/:name',
    summary: 'One scheduled queue with its messages by due time',
    params: z.strictObject({ name: z.string() }),
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(MESSAGES_MAX).default(100) }),
    answer: 'QueueDetail',
    async run({ params, query }, { doors }) {
      const detail = await doors.queues.detail(params.name, query.limit);
      if (detail === null) throw noSuchQueue(params.name);
      return detail;
    },
  }),
  route({
    method: 'POST',
    url: '/queues/actions',
    summary: 'Deliver now, suspend, resume, bounce, rebind, or change due times',
    body: z.discriminatedUnion('verb', [
      z.strictObject({
        verb: z.literal('deliver-now'),
        queue: z.string().optional(),
        messageIds: messageIds.optional(),
      }),
      z.strictObject({
        verb: z.literal('suspend'),
        queue: z.string(),
        reason,
        durationMs: z.number().positive().optional(),
      }),
      z.strictObject({ verb: z.literal('resume'), queue: z.string() }),
      z.strictObject({
        verb: z.literal('bounce'),
        queue: z.string().optional(),
        messageIds: messageIds.optional(),
        reason,
      }),
      z.strictObject({ verb: z.literal('stop-bounce'), queue: z.string() }),
      z.strictObject({
        verb: z.literal('rebind'),
        queue: z.string().optional(),
        messageIds: messageIds.optional(),
        data: z.record(z.string(), z.string().nullable()),
        reason,
      }),
      z.strictObject({
        verb: z.literal('set-due'),
        queue: z.string().optional(),
        messageIds: messageIds.optional(),
        dueMs: z.number().nonnegative().optional(),
        inMs: z.number().nonnegative().optional(),
        changes: z
          .array(z.strictObject({ messageId: messageId, dueMs: z.number().nonnegative() }))
          .max(MESSAGE_IDS_MAX)
          .optional(),
      }),
      z.strictObject({ verb: z.literal('suspend-path'), path: z.string(), reason }),
      z.strictObject({ verb: z.literal('resume-path'), path: z.string() }),
    ]),
    answer: 'QueueActionResult',
    async run({ body }, { doors }) {
      doors.audit(body.verb, body);
      return doors.queues.act(asSent(body));
    },
  }),
];
