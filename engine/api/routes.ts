/** Every route of the window's API. */
import type { Route } from './route.ts';
import { linkRoutes } from './routes/links.ts';
import { luaFunctionRoutes } from './routes/lua-functions.ts';
import { maildirRoutes } from './routes/maildirs.ts';
import { queueRoutes } from './routes/queues.ts';
import { recordRoutes } from './routes/records.ts';
import { rowRoutes } from './routes/rows.ts';
import { sendTestRoutes } from './routes/send-test.ts';
import { statusRoutes } from './routes/status.ts';

export const ROUTES: readonly Route[] = [
  ...statusRoutes,
  ...luaFunctionRoutes,
  ...rowRoutes,
  ...queueRoutes,
  ...recordRoutes,
  ...maildirRoutes,
  ...linkRoutes,
  ...sendTestRoutes,
];
