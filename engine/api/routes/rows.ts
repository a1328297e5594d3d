/** `/rows…`: the Mail list and one recipient row. */
import { z } from 'zod';
import { ApiProblem, route } from '../route.ts';
import type { Route } from '../route.ts';

const LIMIT_MAX = 1_000;
const SEQS_MAX = 10_000;

const seqParams = z.strictObject({ seq: z.coerce.number().int().min(1) });
const seqsBody = z.strictObject({ seqs: z.array(z.number().int().min(1)).max(SEQS_MAX) });

function found<T>(value: T | null, seq: number): T {
  if (value === null)
    throw new ApiProblem(404, 'no-row', `no row ${seq}: never stored, or removed by retention`);
  return value;
}

export const rowRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/rows',
    summary: 'Recipient rows, newest first',
    query: z.strictObject({
      cursor: z.string().optional(),
      at: z.coerce.number().int().optional(),
      newerThan: z.coerce.number().int().optional(),
      limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(100),
      filter: z.string().max(1_000).default(''),
      maildir: z.string().optional(),
    }),
    answer: 'RowPage',
    run: ({ query }, { doors }) => doors.rows.page(query),
  }),
  route({
    method: 'GET',
    url: '/messages',
    summary: 'The same as /rows',
    query: z.strictObject({
      cursor: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(100),
      filter: z.string().max(1_000).default(''),
    }),
    answer: 'RowPage',
    run: ({ query }, { doors }) => doors.rows.page(query),
  }),
  route({
    method: 'GET',
    url: '/rows/:seq',
    summary: 'One row with headers, parts and bodies for display',
    params: seqParams,
    answer: 'RowDetail',
    run: async ({ params }, { doors }) => found(await doors.rows.detail(params.seq), params.seq),
  }),
  route({
    method: 'GET',
    url: '/rows/:seq/journey',
    summary: 'All that was decided about the row, in order',
    params: seqParams,
    answer: 'Journey',
    run: async ({ params }, { doors }) => found(await doors.rows.journey(params.seq), params.seq),
  }),
  route({
    method: 'GET',
    url: '/rows/:seq/attempts',
    summary: 'Delivery attempts with their transcripts',
    params: seqParams,
    answer: 'AttemptList',
    run: async ({ params }, { doors }) => found(await doors.rows.attempts(params.seq), params.seq),
  }),
  route({
    method: 'GET',
    url: '/rows/:seq/checks',
    summary: "What a recipient's side would find wrong: HTML support by client, links, headers",
    params: seqParams,
    answer: 'RowChecks',
    run: async ({ params }, { doors }) => found(await doors.rows.checks(params.seq), params.seq),
  }),
  route({
    method: 'POST',
    url: '/rows/delete',
    summary: 'Delete rows and their files in maildirs; what waits in a queue stays there',
    body: seqsBody,
    answer: 'ChangedResult',
    async run({ body }, { doors }) {
      doors.audit('delete', { rows: body.seqs.length });
      return { changed: await doors.rows.remove(body.seqs) };
    },
  }),
  route({
    method: 'POST',
    url: '/rows/undelete',
    summary: 'Bring deleted rows back, with their files in maildirs',
    body: seqsBody,
    answer: 'ChangedResult',
    async run({ body }, { doors }) {
      doors.audit('undelete', { rows: body.seqs.length });
      return { changed: await doors.rows.restore(body.seqs) };
    },
  }),
];
