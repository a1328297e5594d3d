/** `/status`, `/clock`, `/remaps`, `/policy/lines`: the engine itself. */
import { z } from 'zod';
import { ApiProblem, asSent, route } from '../route.ts';
import type { Route } from '../route.ts';

const LINES_AROUND_MAX = 200;
/** Ten years. */
const FORWARD_MS_MAX = 3_653 * 86_400_000;

export const statusRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/status',
    summary: 'Listeners, policy, queue, clock and counts',
    answer: 'EngineStatus',
    run: async (_input, { doors }) => {
      await doors.settled();
      return doors.status();
    },
  }),
  route({
    method: 'POST',
    url: '/restart',
    summary: 'Stop gracefully and start again, with the same addresses and token',
    answer: '{ restarting: true }',
    run: (_input, { doors }) => {
      doors.restart();
      doors.audit('restart', {});
      return Promise.resolve({ restarting: true });
    },
  }),
  route({
    method: 'GET',
    url: '/remaps',
    summary: 'Paths and addresses of the policy that were remapped here',
    answer: '{ remaps: { what, from, to }[] }',
    run: (_input, { doors }) => Promise.resolve({ remaps: doors.remaps() }),
  }),
  route({
    method: 'GET',
    url: '/clock',
    summary: 'The mail clock',
    answer: 'ClockStatus',
    run: (_input, { doors }) => Promise.resolve(doors.clock.status()),
  }),
  route({
    method: 'POST',
    url: '/clock',
    summary: 'Change the mail clock: speed (0 freezes), forward, jump to the next due time, reset',
    body: z
      .strictObject({
        speed: z.union([z.literal(0), z.literal(1), z.literal(60), z.literal(3600)]).optional(),
        forwardMs: z.number().positive().max(FORWARD_MS_MAX).optional(),
        jumpToNextDue: z.boolean().optional(),
        stop: z.boolean().optional(),
        reset: z.enum(['ask', 'shift', 'stay']).optional(),
        dontWait: z.boolean().optional(),
      })
      .refine(
        ({ dontWait: _, ...asked }) => Object.keys(asked).length === 1,
        'expected exactly one of speed, forwardMs, jumpToNextDue, stop, reset',
      ),
    answer: 'ClockStatus',
    async run({ body }, { doors }) {
      doors.audit('clock', body);
      return doors.clock.change(asSent(body));
    },
  }),
  route({
    method: 'GET',
    url: '/policy/lines',
    summary: 'Lines of a policy file around one line',
    query: z.strictObject({
      file: z.string().min(1),
      line: z.coerce.number().int().min(1).default(1),
      around: z.coerce.number().int().min(0).max(LINES_AROUND_MAX).default(6),
    }),
    answer: 'PolicyLines',
    async run({ query }, { doors }) {
      const lines = await doors.policyLines(query.file, query.line, query.around);
      if (lines === null)
        throw new ApiProblem(404, 'no-file', `no policy file ${query.file} in this workspace`);
      return lines;
    },
  }),
];
