/** `POST /api/inject/v1` */
import { jsonBody } from './http-exchange.ts';
import { INJECT_REQUEST } from './inject-request.ts';
import type { Routes } from './route.ts';

export const INJECT_ROUTES: Routes = {
  '/api/inject/v1': {
    POST: async (request, { injector }) => {
      const { auth, peerIp, localIp, hostname, listener } = request;
      const wanted = jsonBody(request, INJECT_REQUEST);
      const origin = { auth, peerIp, localIp, hostname, listener };
      return { body: await injector.inject(wanted, origin) };
    },
  },
};
