/** `/send-test`: a real message over real SMTP, so that the first look at the window shows one. */
import { z } from 'zod';
import { route } from '../route.ts';
import type { Route } from '../route.ts';

export const sendTestRoutes: readonly Route[] = [
  route({
    method: 'POST',
    url: '/send-test',
    summary: 'Send a test message to this engine by SMTP',
    body: z.strictObject({
      from: z.string().max(320).optional(),
      to: z.string().max(320).optional(),
      subject: z.string().max(500).optional(),
    }),
    answer: 'SendTestResult',
    run: ({ body }, { doors }) =>
      doors.sendTest(JSON.parse(JSON.stringify(body)) as Parameters<typeof doors.sendTest>[0]),
  }),
];
