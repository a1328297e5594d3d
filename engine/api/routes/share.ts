/** `/share`: a selection of messages as one file that opens elsewhere. */
import { z } from 'zod';
import { asSent, route } from '../route.ts';
import type { Route } from '../route.ts';

export const shareRoutes: readonly Route[] = [
  route({
    method: 'POST',
    url: '/share',
    summary: 'A selection of messages as one file, secrets taken out',
    body: z
      .strictObject({
        seqs: z.array(z.number().int().min(1)).min(1).max(100_000).optional(),
        filter: z.string().max(4_000).optional(),
        withPolicy: z.boolean().optional(),
      })
      .refine(
        ({ seqs, filter }) => seqs === undefined || filter === undefined,
        'expected one of seqs and filter',
      ),
    answer: 'bytes',
    async run({ body }, { doors, reply }) {
      const { filename, bytes } = await doors.share.share(asSent(body));
      doors.audit('share', { rows: body.seqs?.length ?? 'filter', withPolicy: body.withPolicy });
      reply.header('content-type', 'application/zip');
      reply.header('cache-control', 'no-store');
      reply.header(
        'content-disposition',
        `attachment; filename*=UTF-8''${encodeURIComponent(filename)}`,
      );
      return reply.send(bytes) as unknown;
    },
  }),
];
