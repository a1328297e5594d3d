/** `/records`: KumoMTA's records, newest first. */
import { z } from 'zod';
import { route } from '../route.ts';
import type { Route } from '../route.ts';

export const recordRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/records',
    summary: 'Records by type and text',
    query: z.strictObject({
      cursor: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
      types: z.string().default(''),
      q: z.string().max(500).default(''),
    }),
    answer: 'RecordPage',
    run: ({ query }, { doors }) =>
      doors.records.page({
        cursor: query.cursor,
        limit: query.limit,
        types: query.types.split(',').filter((type) => type !== ''),
        text: query.q,
      }),
  }),
];
