/** `/far-ends…`: simulated destinations, their state and what they received. */
import { z } from 'zod';
import { ApiProblem, route } from '../route.ts';
import type { Route } from '../route.ts';

const name = z.string().min(1).max(40);
const spec = z.record(z.string(), z.unknown());

export const farEndRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/far-ends',
    summary: 'All far ends with their live state, and scenarios to begin with',
    answer: 'FarEndList',
    run: (_input, { doors }) => Promise.resolve(doors.farEnds.list()),
  }),
  route({
    method: 'GET',
    url: '/far-ends/form',
    summary: 'Behaviours, stages and parameters that an editor offers',
    answer: 'FarEndForm',
    run: (_input, { doors }) => Promise.resolve(doors.farEnds.form()),
  }),
  route({
    method: 'POST',
    url: '/far-ends/check',
    summary: 'What is wrong with a far end, or what it would do; nothing is kept',
    body: z.strictObject({ farEnd: spec }),
    answer: 'FarEndCheck',
    run: ({ body }, { doors }) => Promise.resolve(doors.farEnds.check(body)),
  }),
  route({
    method: 'POST',
    url: '/far-ends',
    summary: 'Add a far end, or change the one of that name',
    body: z.strictObject({
      farEnd: spec,
      was: name.optional(),
      at: z.number().int().min(0).optional(),
    }),
    answer: 'FarEndList',
    async run({ body }, { doors }) {
      const { farEnd, was, at } = body;
      doors.audit('far-end', body);
      return doors.farEnds.put({
        farEnd,
        ...(was !== undefined && { was }),
        ...(at !== undefined && { at }),
      });
    },
  }),
  route({
    method: 'POST',
    url: '/far-ends/remove',
    summary: 'Remove a far end from the file',
    body: z.strictObject({ name }),
    answer: 'FarEndList',
    async run({ body }, { doors }) {
      doors.audit('far-end-remove', body);
      return doors.farEnds.remove(body);
    },
  }),
  route({
    method: 'POST',
    url: '/far-ends/switch',
    summary: 'Turn a far end on or off; off, connections are refused',
    body: z.strictObject({ name, on: z.boolean() }),
    answer: 'FarEndList',
    async run({ body }, { doors }) {
      doors.audit('far-end-switch', body);
      return doors.farEnds.switch(body);
    },
  }),
  route({
    method: 'POST',
    url: '/far-ends/reset',
    summary: 'Forget what a far end remembers and counted, with `received` also what it received',
    body: z.strictObject({ name, received: z.boolean().default(false) }),
    answer: 'FarEndList',
    async run({ body }, { doors }) {
      doors.audit('far-end-reset', body);
      return doors.farEnds.reset(body);
    },
  }),
  route({
    method: 'GET',
    url: '/far-ends/:name/received',
    summary: 'What a far end received, newest first',
    params: z.strictObject({ name }),
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(500).default(100),
      before: z.string().optional(),
    }),
    answer: 'FarEndReceived',
    run: ({ params, query }, { doors }) =>
      Promise.resolve(doors.farEnds.received(params.name, query.limit, query.before ?? null)),
  }),
  route({
    method: 'GET',
    url: '/far-ends/:name/received/:id',
    summary: 'One message that a far end received, with its session',
    params: z.strictObject({ name, id: z.string().min(1).max(40) }),
    answer: 'FarEndMailDetail',
    async run({ params }, { doors }) {
      const mail = await doors.farEnds.mail(params.name, params.id);
      if (mail !== null) return mail;
      throw new ApiProblem(404, 'no-mail', `${params.name} has no message ${params.id} any more`);
    },
  }),
];
