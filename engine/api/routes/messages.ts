/** `/wait` and `/messages/…`: caught messages as tests want them. */
import { z } from 'zod';
import { parseDurationMs } from '../../base/duration.ts';
import { ApiProblem, route } from '../route.ts';
import type { Route } from '../route.ts';

const COUNT_MAX = 100;
const TIMEOUT_MS_MAX = 600_000;
const TIMEOUT_DEFAULT = '10s';
const TEXT_CHARS_MAX = 500;

const filter = z.string().max(1_000).default('');
const text = z.string().min(1).max(TEXT_CHARS_MAX).optional();

export const messageRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/wait',
    summary: 'The newest messages that fit, or those after row `since`, as soon as they are there',
    query: z.strictObject({
      to: text,
      from: text,
      subject: text,
      filter,
      since: z.coerce.number().int().min(0).optional(),
      count: z.coerce.number().int().min(1).max(COUNT_MAX).default(1),
      timeout: z.string().default(TIMEOUT_DEFAULT),
    }),
    answer: 'CaughtMessages',
    run({ query: { timeout, ...query } }, { doors, reply }) {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      return doors.messages.wait({ ...query, timeoutMs: timeoutMs(timeout) }, gone.signal);
    },
  }),
  route({
    method: 'GET',
    url: '/messages/:seq',
    summary: 'One message: envelope, headers, text, HTML, links, attachments',
    params: z.strictObject({ seq: z.coerce.number().int().min(1) }),
    answer: 'CaughtMessage',
    async run({ params: { seq } }, { doors }) {
      const message = await doors.messages.message(seq);
      if (message !== null) return message;
      throw new ApiProblem(404, 'no-row', `no row ${seq}: never stored, or removed by retention`);
    },
  }),
  route({
    method: 'DELETE',
    url: '/messages',
    summary: 'Delete all messages that fit a filter; without one, all',
    query: z.strictObject({ filter }),
    answer: 'DeletedMessages',
    async run({ query }, { doors }) {
      const deleted = await doors.messages.remove(query.filter);
      doors.audit('delete', { rows: deleted.changed, filter: query.filter });
      return deleted;
    },
  }),
];

/** @throws {ApiProblem} */
function timeoutMs(value: string): number {
  const ms = value === '0' ? 0 : parseDurationMs(value);
  if (ms !== undefined && ms <= TIMEOUT_MS_MAX) return ms;
  throw new ApiProblem(
    400,
    'invalid',
    `query timeout: found ${value}, expected a duration up to 10m, such as 10s; 0 does not wait`,
  );
}
