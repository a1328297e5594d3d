/** `/replay…`: captured messages through edited policies, and copies for real. */
import { z } from 'zod';
import type { ReplayForRealRequest, ReplayRequest } from '../protocol.ts';
import { ApiProblem, route } from '../route.ts';
import type { Route } from '../route.ts';
import { BODY_BYTES_MAX, files, seed, stubs } from './dry-schemas.ts';

const selection = z
  .strictObject({
    seqs: z.array(z.int().min(1)).max(1_000).optional(),
    filter: z.string().max(10_000).optional(),
    limit: z.int().min(1).max(1_000).optional(),
  })
  .refine(
    ({ seqs, filter }) => seqs !== undefined || filter !== undefined,
    'expected seqs or a filter',
  );

const through = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('reception') }),
  z.strictObject({
    kind: z.literal('constructor'),
    name: z.string().min(1),
    batchSize: z.int().min(1).max(1_000).optional(),
  }),
]);

export const replayRoutes: readonly Route[] = [
  route({
    method: 'POST',
    url: '/replay',
    summary: 'Run captured messages through the policy again, dry, and compare',
    bodyBytesMax: BODY_BYTES_MAX,
    body: z.strictObject({
      messages: selection,
      through,
      files: files.optional(),
      stubs: stubs.optional(),
      http: z.enum(['stubs', 'far-ends']).optional(),
      recording: z.string().optional(),
      seed: seed.optional(),
    }),
    answer: 'ReplayRun',
    run: ({ body }, { doors }) => doors.replay.replay(body as ReplayRequest),
  }),
  route({
    method: 'GET',
    url: '/replay/runs',
    summary: 'Runs that are kept, newest first',
    answer: 'ReplayRunList',
    run: (_input, { doors }) => Promise.resolve(doors.replay.runs()),
  }),
  route({
    method: 'GET',
    url: '/replay/runs/:id',
    summary: 'One run with its results',
    params: z.strictObject({ id: z.string() }),
    answer: 'ReplayRun',
    run: ({ params }, { doors }) => {
      const run = doors.replay.run(params.id);
      if (run === null) throw new ApiProblem(404, 'not-found', `no run ${params.id}`);
      return Promise.resolve(run);
    },
  }),
  route({
    method: 'POST',
    url: '/replay/queue',
    summary: 'Queue copies of captured messages, for real',
    body: z.strictObject({ messages: selection }),
    answer: 'ReplayForRealResult',
    run: async ({ body }, { doors }) => {
      doors.audit('replay', body);
      return doors.replay.forReal(body as ReplayForRealRequest);
    },
  }),
];
