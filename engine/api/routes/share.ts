/** `/share`: a selection of messages as one file that opens elsewhere. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { FILE_BYTES_MAX } from '../../share/share-format.ts';
import { ApiProblem, asSent, route } from '../route.ts';
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
  route({
    method: 'POST',
    url: '/share/open',
    summary: 'A shared file, as application/zip, in a window of its own',
    query: z.strictObject({ name: z.string().min(1).max(200).default('file.postyard') }),
    bodyBytesMax: FILE_BYTES_MAX,
    answer: 'SharedOpened',
    async run({ query }, { doors, request }) {
      const { body } = request;
      if (!(body instanceof Readable))
        throw new ApiProblem(415, 'type', 'expected a body of content type application/zip');
      doors.audit('share-open', { name: query.name });
      return { url: await doors.shareOpen.open(query.name, body) };
    },
  }),
];
