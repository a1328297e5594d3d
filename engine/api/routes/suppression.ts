/** `/suppression…`: the list, the mode, the switches, "as Lua" and the demo. */
import { z } from 'zod';
import { MODES } from '../../suppression/suppression-settings.ts';
import { ApiProblem, route } from '../route.ts';
import type { Route } from '../route.ts';

const ENTRIES_MAX = 10_000;
/** A million addresses and their reasons. */
const IMPORT_BYTES_MAX = 128 * 1024 * 1024;

const address = z.string().min(1).max(1_000);
const domain = z.string().max(1_000);
const searchText = z.string().max(500).default('');
const format = z.enum(['csv', 'json']);
const activeMode = z.enum(['reject', 'null', 'bounce']);

export const suppressionRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/suppression',
    summary: 'Entries of the suppression list, newest first',
    query: z.strictObject({
      cursor: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
      q: searchText,
    }),
    answer: 'SuppressionPage',
    async run({ query }, { doors }) {
      try {
        return await doors.suppression.page(query.cursor ?? null, query.limit, query.q);
      } catch (error) {
        if (error instanceof RangeError) throw new ApiProblem(400, 'cursor', error.message);
        throw error;
      }
    },
  }),
  route({
    method: 'POST',
    url: '/suppression',
    summary: 'List recipients by hand',
    body: z.strictObject({
      entries: z
        .array(
          z.strictObject({
            recipient: address,
            sendingDomain: domain.optional(),
            reason: z.string().max(1_000).optional(),
          }),
        )
        .min(1)
        .max(ENTRIES_MAX),
    }),
    answer: 'SuppressionAdded',
    async run({ body }, { doors }) {
      const added = await doors.suppression.add(plain(body));
      doors.audit('suppress', { entries: body.entries.length, ...added });
      return added;
    },
  }),
  route({
    method: 'POST',
    url: '/suppression/remove',
    summary: 'Remove entries; the answer says how to undo it',
    body: z.strictObject({
      ids: z.array(z.number().int()).max(ENTRIES_MAX).optional(),
      keys: z
        .array(z.strictObject({ recipient: address, sendingDomain: domain.optional() }))
        .max(ENTRIES_MAX)
        .optional(),
    }),
    answer: 'SuppressionRemoved',
    async run({ body }, { doors }) {
      const removed = await doors.suppression.remove(plain(body));
      doors.audit('unsuppress', { removed: removed.removed });
      return removed;
    },
  }),
  route({
    method: 'POST',
    url: '/suppression/undo',
    summary: 'Put removed entries back',
    body: z.strictObject({ undo: z.string().max(100) }),
    answer: 'ChangedResult',
    async run({ body }, { doors }) {
      const changed = await doors.suppression.undo(body.undo);
      if (changed === null)
        throw new ApiProblem(410, 'no-removal', 'that removal is not remembered any more');
      doors.audit('suppress', { undone: changed });
      return { changed };
    },
  }),
  route({
    method: 'POST',
    url: '/suppression/import',
    summary: 'List what a CSV or JSON text names',
    bodyBytesMax: IMPORT_BYTES_MAX,
    body: z.strictObject({
      format,
      text: z.string(),
      label: z.string().max(200).optional(),
      whenListed: z.enum(['keep', 'replace']).optional(),
    }),
    answer: 'SuppressionImported',
    async run({ body }, { doors }) {
      const imported = await doors.suppression.importText(plain(body));
      const { added, existing, refusedCount } = imported;
      doors.audit('suppress', { label: body.label ?? 'import', added, existing, refusedCount });
      return imported;
    },
  }),
  route({
    method: 'GET',
    url: '/suppression/export',
    summary: 'The list as CSV or JSON',
    query: z.strictObject({ format: format.default('csv'), q: searchText }),
    answer: 'text',
    run({ query }, { doors, reply }) {
      reply.header(
        'content-type',
        query.format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8',
      );
      reply.header('content-disposition', `attachment; filename="suppression.${query.format}"`);
      return Promise.resolve(
        reply.send(doors.suppression.exportText(query.format, query.q)) as unknown,
      );
    },
  }),
  route({
    method: 'GET',
    url: '/suppression/settings',
    summary: 'Mode, switches and size of the list',
    answer: 'SuppressionStatus',
    run: (_input, { doors }) => Promise.resolve(doors.suppression.status()),
  }),
  route({
    method: 'POST',
    url: '/suppression/settings',
    summary: 'Change the mode or the switches; in force for the next message',
    body: z.strictObject({
      mode: z.enum(MODES).optional(),
      autoAdd: z
        .strictObject({
          bounce: z.boolean().optional(),
          oob: z.boolean().optional(),
          expiration: z.boolean().optional(),
          classes: z.array(z.string().min(1).max(200)).max(100).optional(),
        })
        .optional(),
    }),
    answer: 'SuppressionStatus',
    run({ body }, { doors }) {
      doors.audit('suppression', body);
      return Promise.resolve(doors.suppression.change(plain(body)));
    },
  }),
  route({
    method: 'GET',
    url: '/suppression/lua',
    summary: 'The Lua module that does the same in KumoMTA; default: for the mode in use',
    query: z.strictObject({ mode: activeMode.optional() }),
    answer: 'SuppressionLua',
    run: ({ query }, { doors }) => Promise.resolve(doors.suppression.lua(query.mode ?? null)),
  }),
  route({
    method: 'POST',
    url: '/suppression/demo',
    summary: "Send the demo's message in one mode (off: with nobody listed) and say all of it",
    body: z.strictObject({
      step: z.enum(MODES),
      from: address.optional(),
      to: address.optional(),
    }),
    answer: 'SuppressionDemoResult',
    run: ({ body }, { doors }) => doors.suppression.demo(plain(body)),
  }),
  route({
    method: 'POST',
    url: '/suppression/demo/reset',
    summary: 'Take back what the demo did to the list and hide its rows',
    answer: 'SuppressionStatus',
    async run(_input, { doors }) {
      await doors.suppression.resetDemo();
      return doors.suppression.status();
    },
  }),
];

/** zod says `undefined` where the protocol says absent; JSON knows only the latter. */
function plain<T>(body: unknown): T {
  return JSON.parse(JSON.stringify(body)) as T;
}
