/** `/explain`: what would happen to a message, without anything happening. */
import { route } from '../route.ts';
import type { Route } from '../route.ts';
import type { ExplainRequest } from '../protocol.ts';
import { BODY_BYTES_MAX, explainRequest } from './dry-schemas.ts';

export const explainRoutes: readonly Route[] = [
  route({
    method: 'POST',
    url: '/explain',
    summary: 'What would happen to a message: a dry run through policy, routes and queues',
    bodyBytesMax: BODY_BYTES_MAX,
    body: explainRequest,
    answer: 'Explanation',
    run: ({ body }, { doors }) => doors.explain.explain(body as ExplainRequest),
  }),
];
