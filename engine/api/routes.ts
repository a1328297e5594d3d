/** Every route of the window's API. */
import type { Route } from './route.ts';
import { dnsRoutes } from './routes/dns.ts';
import { farEndRoutes } from './routes/far-ends.ts';
import { linkRoutes } from './routes/links.ts';
import { expectationRoutes } from './routes/expectations.ts';
import { explainRoutes } from './routes/explain.ts';
import { luaFunctionRoutes } from './routes/lua-functions.ts';
import { maildirRoutes } from './routes/maildirs.ts';
import { policyFileRoutes } from './routes/policy-files.ts';
import { messageRoutes } from './routes/messages.ts';
import { queueRoutes } from './routes/queues.ts';
import { recordRoutes } from './routes/records.ts';
import { releaseRoutes } from './routes/release.ts';
import { replayRoutes } from './routes/replay.ts';
import { routeListRoutes } from './routes/routes.ts';
import { rowRoutes } from './routes/rows.ts';
import { saveRoutes } from './routes/save.ts';
import { sendTestRoutes } from './routes/send-test.ts';
import { settingRoutes } from './routes/settings.ts';
import { shareRoutes } from './routes/share.ts';
import { statusRoutes } from './routes/status.ts';
import { suppressionRoutes } from './routes/suppression.ts';

export const ROUTES: readonly Route[] = [
  ...statusRoutes,
  ...luaFunctionRoutes,
  ...rowRoutes,
  ...releaseRoutes,
  ...messageRoutes,
  ...routeListRoutes,
  ...queueRoutes,
  ...recordRoutes,
  ...maildirRoutes,
  ...farEndRoutes,
  ...dnsRoutes,
  ...settingRoutes,
  ...linkRoutes,
  ...saveRoutes,
  ...sendTestRoutes,
  ...shareRoutes,
  ...suppressionRoutes,
  ...explainRoutes,
  ...expectationRoutes,
  ...replayRoutes,
  ...policyFileRoutes,
];
