/** `/links/mbox` and `/links/attachments`: files made while they are saved. */
import { z } from 'zod';
import { ApiProblem, route } from '../route.ts';
import type { Route, RouteContext } from '../route.ts';

/** All of them stand in the address. */
const SEQS_MAX = 1_000;

export const seqList = z
  .string()
  .regex(/^\d{1,12}(,\d{1,12})*$/)
  .refine((list) => list.split(',').length <= SEQS_MAX, `expected at most ${SEQS_MAX} messages`);

export const saveRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/links/mbox',
    summary: 'Messages by number as one mbox file',
    query: z.object({ seqs: seqList }),
    answer: 'bytes',
    run({ query }, { doors, reply }) {
      const seqs = query.seqs.split(',').map(Number);
      offer(reply, 'application/mbox', 'messages.mbox');
      return Promise.resolve(reply.send(doors.messages.mbox(seqs)));
    },
  }),
  route({
    method: 'GET',
    url: '/links/attachments',
    summary: 'All attachments of a message as one zip file',
    query: z.object({ seq: z.coerce.number().int().min(1) }),
    answer: 'bytes',
    async run({ query: { seq } }, { doors, reply }) {
      const zip = await doors.messages.attachments(seq);
      if (zip === null) throw new ApiProblem(404, 'no-content', `row ${seq} has no attachments`);
      offer(reply, 'application/zip', `message-${seq}-attachments.zip`);
      return reply.send(zip);
    },
  }),
];

function offer(reply: RouteContext['reply'], contentType: string, filename: string): void {
  reply.header('content-type', contentType);
  reply.header('cache-control', 'private, max-age=60');
  reply.header('content-disposition', `attachment; filename="${filename}"`);
}
