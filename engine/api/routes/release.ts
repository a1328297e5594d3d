/** `/rows/release`: copies of captured messages go where somebody says, through the queues. */
import { z } from 'zod';
import { asSent, route } from '../route.ts';
import type { Route } from '../route.ts';

const SEQS_MAX = 1_000;

export const releaseRoutes: readonly Route[] = [
  route({
    method: 'POST',
    url: '/rows/release',
    summary: 'Queue copies of messages for a host or through a route; the rows stay as they are',
    body: z.strictObject({
      seqs: z.array(z.int().min(1)).min(1).max(SEQS_MAX),
      to: z.string().min(1).max(300),
      recipient: z.string().min(1).max(320).optional(),
    }),
    answer: 'ReleaseResult',
    run: ({ body }, { doors }) => {
      const request = asSent(body);
      const { seqs, ...rest } = request;
      doors.audit('release', { rows: seqs.length, ...rest });
      return doors.release(request);
    },
  }),
];
