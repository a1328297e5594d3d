/** `/maildirs…`: what is on disk. */
import { z } from 'zod';
import { toError } from '../../base/assert.ts';
import { ApiProblem, route } from '../route.ts';
import type { Route } from '../route.ts';

/** Flags a reader may set: draft, flagged, passed, replied, seen, trashed. */
const flags = z.string().regex(/^[DFPRST]*$/, 'expected letters of DFPRST');

const OPEN_FOLDERS_MAX = 200;
const CHILDREN_MAX = 100_000;

export const maildirRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/maildirs',
    summary: 'The tree of maildirs with counts: small ones whole, of large ones what is open',
    query: z.strictObject({
      open: z
        .union([z.string(), z.array(z.string()).max(OPEN_FOLDERS_MAX)])
        .default([])
        .transform((open) => [open].flat()),
      limit: z.coerce.number().int().min(1).max(CHILDREN_MAX).default(1_000),
    }),
    answer: 'MaildirTree',
    run: ({ query }, { doors }) => doors.maildirs.tree(query),
  }),
  route({
    method: 'GET',
    url: '/maildirs/messages',
    summary: 'Messages of one maildir as they are on disk, newest first',
    query: z.strictObject({
      path: z.string().min(1),
      limit: z.coerce.number().int().min(1).max(5_000).default(500),
    }),
    answer: 'MaildirListing',
    run: ({ query }, { doors }) => orNotFound(doors.maildirs.messages(query.path, query.limit)),
  }),
  route({
    method: 'POST',
    url: '/maildirs/flags',
    summary: 'Add and remove flags of messages',
    body: z.strictObject({
      path: z.string().min(1),
      uniques: z.array(z.string()).max(10_000),
      add: flags,
      remove: flags,
    }),
    answer: 'ChangedResult',
    async run({ body }, { doors }) {
      doors.audit('flags', {
        path: body.path,
        messages: body.uniques.length,
        add: body.add,
        remove: body.remove,
      });
      return { changed: await orNotFound(doors.maildirs.setFlags(body)) };
    },
  }),
];

async function orNotFound<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new ApiProblem(404, 'no-maildir', toError(error).message);
  }
}
