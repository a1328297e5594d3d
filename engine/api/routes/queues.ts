/** `/queues…`: scheduled and ready queues, and what can be done with them. */
import { z } from 'zod';
import { ApiProblem, asSent, route } from '../route.ts';
import type { Route } from '../route.ts';

const MESSAGES_MAX = 1_000;

const messageIds = z.array(z.string().regex(/^[0-9a-f]{32}$/)).max(10_000);
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
      if (detail === null)
        throw new ApiProblem(
          404,
          'no-queue',
          `no scheduled queue ${params.name}: it is empty and was forgotten, or never existed`,
        );
      return detail;
    },
  }),
  route({
    method: 'POST',
    url: '/queues/actions',
    summary: 'Deliver now, suspend, resume or bounce',
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
    ]),
    answer: 'QueueActionResult',
    async run({ body }, { doors }) {
      doors.audit(body.verb, body);
      return doors.queues.act(asSent(body));
    },
  }),
];
