/** `/links`: short-lived signed URLs for what a browser fetches without headers, and what they give. */
import { z } from 'zod';
import { ApiProblem, route } from '../route.ts';
import type { Route } from '../route.ts';
import { seqList } from './save.ts';

/**
 * The preview frame: an opaque origin without scripts or forms. Images come from the message
 * itself; with `remote` from open hosts too, which the inspector has already decided.
 */
const PREVIEW_POLICY =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'";

const linkFields = {
  seq: z.coerce.number().int().min(1),
  part: z
    .string()
    .regex(/^\d+(\.\d+)*$/)
    .optional(),
  theme: z.enum(['light', 'dark']).optional(),
};

export const linkRoutes: readonly Route[] = [
  route({
    method: 'POST',
    url: '/links',
    summary: 'Make a signed URL for a preview or a download',
    body: z.strictObject({
      ...linkFields,
      seq: linkFields.seq.optional(),
      seqs: seqList.optional(),
      what: z.enum(['preview', 'part', 'source', 'original', 'attachments', 'mbox']),
      encoded: z.boolean().optional(),
      remote: z.boolean().optional(),
    }),
    answer: 'LinkResult',
    run({ body: { what, ...rest } }, { doors }) {
      const query = new URLSearchParams();
      for (const [key, value] of Object.entries(rest))
        if (value !== undefined && value !== false) query.set(key, String(value));
      return Promise.resolve(doors.token.sign(`/api/v1/links/${what}?${query.toString()}`));
    },
  }),
  route({
    method: 'GET',
    url: '/links/:what',
    summary: 'What a signed URL gives: a preview, a part, or the message',
    params: z.strictObject({ what: z.enum(['preview', 'part', 'source', 'original']) }),
    query: z.object({
      ...linkFields,
      encoded: z.stringbool().optional(),
      remote: z.stringbool().optional(),
    }),
    answer: 'bytes',
    async run({ params, query }, { doors, reply }) {
      const { seq, part, theme, encoded, remote } = query;
      const download = await doors.rows.download({
        seq,
        what: params.what,
        ...(part !== undefined && { part }),
        ...(theme !== undefined && { theme }),
        ...(encoded !== undefined && { encoded }),
        ...(remote !== undefined && { remote }),
      });
      if (download === null)
        throw new ApiProblem(
          404,
          'no-content',
          `row ${seq} has no ${params.what} ${part ?? ''}`.trim(),
        );
      reply.header('content-type', download.contentType);
      reply.header('cache-control', 'private, max-age=60');
      const images = remote === true ? imageSources(doors.status().openHosts) : '';
      reply.header('content-security-policy', `${PREVIEW_POLICY}; img-src 'self' data:${images}`);
      if (download.filename !== null)
        reply.header(
          'content-disposition',
          `attachment; filename*=UTF-8''${encodeURIComponent(download.filename)}`,
        );
      return reply.send(
        Buffer.from(download.bytes.buffer, download.bytes.byteOffset, download.bytes.byteLength),
      );
    },
  }),
];

/** Loopback and the hosts the user opened; networks cannot be written in a policy and stay closed. */
function imageSources(openHosts: readonly string[]): string {
  const hosts = ['127.0.0.1', 'localhost', ...openHosts.filter((host) => /^[\w.-]+$/.test(host))];
  return hosts.map((host) => ` http://${host}:* https://${host}:*`).join('');
}
