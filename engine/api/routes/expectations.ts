/** `/expectations…`: what must hold, run through dry runs. */
import { z } from 'zod';
import { expectationSchema } from '../../replay/expectation-file.ts';
import type { ExpectationRunRequest, ExpectationSaveRequest } from '../protocol.ts';
import { route } from '../route.ts';
import type { Route } from '../route.ts';
import { BODY_BYTES_MAX, explainRequest } from './dry-schemas.ts';

const file = z.string().min(1).max(500);
const name = z.string().min(1).max(500);

export const expectationRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/expectations',
    summary: 'The files of expectations with their cases',
    answer: 'ExpectationList',
    run: (_input, { doors }) => Promise.resolve(doors.expectations.list()),
  }),
  route({
    method: 'POST',
    url: '/expectations/run',
    summary: 'Run all expectations, those of a file, or one case',
    body: z.strictObject({ file: file.optional(), case: name.optional() }),
    answer: 'ExpectationRun',
    run: ({ body }, { doors }) => doors.expectations.run(body as ExpectationRunRequest),
  }),
  route({
    method: 'POST',
    url: '/expectations/save',
    summary: 'Add a case to a file; without expect, what the dry run says now is expected',
    bodyBytesMax: BODY_BYTES_MAX,
    body: z.strictObject({
      file,
      name,
      message: explainRequest,
      expect: expectationSchema.optional(),
    }),
    answer: 'ExpectationSaved',
    run: ({ body }, { doors }) => {
      doors.audit('expectation-save', { file: body.file, name: body.name });
      return doors.expectations.save(body as ExpectationSaveRequest);
    },
  }),
];
