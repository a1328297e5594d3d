/** `/settings`: `postyard.json`, one setting at a time. */
import { z } from 'zod';
import { SETTING_NAMES } from '../../workspace/settings.ts';
import { route } from '../route.ts';
import type { Route } from '../route.ts';

export const settingRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/settings',
    summary: 'The settings of the workspace, what is kept, and what was remapped',
    answer: 'SettingsAnswer',
    run: (_input, { doors }) => Promise.resolve(doors.settings.read()),
  }),
  route({
    method: 'POST',
    url: '/settings',
    summary: 'Change one setting in postyard.json; null takes it out',
    body: z.strictObject({
      name: z.enum(SETTING_NAMES),
      value: z.union([z.boolean(), z.number(), z.string(), z.array(z.string()), z.null()]),
    }),
    answer: 'SettingsAnswer',
    run({ body }, { doors }) {
      doors.audit('settings', body);
      return Promise.resolve(doors.settings.change(body));
    },
  }),
];
