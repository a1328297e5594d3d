/** `/policy/files…`, `/policy/check`, `/policy/save`: the policy's files for an editor. */
import { z } from 'zod';
import type { PolicyCheckRequest, PolicySaveRequest } from '../protocol.ts';
import { ApiProblem, route } from '../route.ts';
import type { Route } from '../route.ts';
import { BODY_BYTES_MAX, files } from './dry-schemas.ts';

const path = z.string().min(1).max(1_000);
const text = z.string().max(4 * 1024 * 1024);

export const policyFileRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/policy/files',
    summary: 'The Lua files of the policy',
    answer: 'PolicyFileList',
    run: (_input, { doors }) => Promise.resolve(doors.policyFiles.list()),
  }),
  route({
    method: 'GET',
    url: '/policy/files/content',
    summary: 'The text of one file',
    query: z.strictObject({ path }),
    answer: 'PolicyFile',
    run: ({ query }, { doors }) => {
      const file = doors.policyFiles.read(query.path);
      if (file === null) throw new ApiProblem(404, 'not-found', `no policy file ${query.path}`);
      return Promise.resolve(file);
    },
  }),
  route({
    method: 'POST',
    url: '/policy/check',
    summary: 'Does a text compile, and does the policy run with it',
    bodyBytesMax: BODY_BYTES_MAX,
    body: z.strictObject({ path, text, files: files.optional(), runs: z.boolean().optional() }),
    answer: 'PolicyCheck',
    run: ({ body }, { doors }) => doors.policyFiles.check(body as PolicyCheckRequest),
  }),
  route({
    method: 'POST',
    url: '/policy/save',
    summary: 'Save a policy file when the policy runs with it',
    bodyBytesMax: BODY_BYTES_MAX,
    body: z.strictObject({ path, text, version: z.string().optional() }),
    answer: 'PolicySaved',
    run: ({ body }, { doors }) => {
      doors.audit('policy-save', { path: body.path });
      return doors.policyFiles.save(body as PolicySaveRequest);
    },
  }),
];
