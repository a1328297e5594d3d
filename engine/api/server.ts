/**
 * The window's door: HTTP, one WebSocket and the built window itself, on loopback. Checks come
 * before anything else: `Host` must name this listener (against DNS rebinding), a foreign `Origin`
 * is refused, `/api` needs the token, and there is no CORS.
 *
 * Source: RFC 9110 §7.2; `docs/architecture.md`.
 */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import fastifyStatic from '@fastify/static';
import fastifyWebsocket from '@fastify/websocket';
import fastify from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { toError } from '../base/assert.ts';
import { checkValue, mistakeText } from '../files/schema-words.ts';
import type { ApiDoors } from './doors.ts';
import { openApi } from './openapi.ts';
import { ApiProblem } from './route.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';

const BODY_BYTES_MAX = 8 * 1024 * 1024;

/** What pages of the window may load: themselves, nothing else; previews are framed by signed URL. */
const PAGE_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; frame-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface ApiServer {
  readonly address: string;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * @param listen `ip:port`, loopback unless the caller checked an explicit flag
 * @param rendererFolder the built window; without it only the API is served
 */
export async function startApiServer(
  doors: ApiDoors,
  listen: { host: string; port: number },
  rendererFolder: string,
): Promise<ApiServer> {
  const server = fastify({ bodyLimit: BODY_BYTES_MAX, logger: false, forceCloseConnections: true });
  let port = listen.port;
  server.addHook('onRequest', async (request, reply) => {
    refuseForeign(request, listen.host, port);
    const isApi = request.url.startsWith('/api/');
    if (isApi && !isLive(request) && !mayUse(request, doors)) {
      reply.header('www-authenticate', 'Bearer');
      throw new ApiProblem(
        401,
        'token',
        'no or wrong token, expected the one printed at the start (Authorization: Bearer …)',
      );
    }
    reply.header('x-content-type-options', 'nosniff');
    reply.header('referrer-policy', 'no-referrer');
    if (!isApi) reply.header('content-security-policy', PAGE_POLICY);
  });
  server.setErrorHandler((error, _request, reply) => sendProblem(toError(error), reply, doors));
  server.setNotFoundHandler((request, reply) => {
    reply.code(404).send({
      error: { code: 'not-found', message: `no such page: ${request.method} ${request.url}` },
    });
  });
  // Files are taken as they come; whoever takes them says how long they may be.
  server.addContentTypeParser('application/zip', (_request, payload, done) => done(null, payload));
  await server.register(fastifyWebsocket, { options: { maxPayload: 64 * 1024 } });
  if (existsSync(rendererFolder))
    await server.register(fastifyStatic, { root: rendererFolder, cacheControl: false });
  for (const route of ROUTES) register(server, route, doors);
  server.get('/api/v1/openapi.json', () => openApi(ROUTES, doors.version));
  await server.register((scope) => {
    scope.get('/api/v1/live', { websocket: true }, (socket) => doors.live.accept(socket));
    return Promise.resolve();
  });
  await server.listen({ host: listen.host, port: listen.port });
  const bound = server.server.address();
  if (bound === null || typeof bound === 'string')
    throw new Error('Bug: the API server has no address');
  port = bound.port;
  const shown = isIP(listen.host) === 6 ? `[${listen.host}]` : listen.host;
  return {
    address: `${shown}:${port}`,
    url: `http://${shown}:${port}`,
    close: () => server.close(),
  };
}

function register(server: FastifyInstance, route: Route, doors: ApiDoors): void {
  server.route({
    method: route.method,
    url: `/api/v1${route.url}`,
    ...(route.bodyBytesMax !== undefined && { bodyLimit: route.bodyBytesMax }),
    handler: async (request, reply) => {
      const input = {
        params: parse('path', route.params, request.params),
        query: parse('query', route.query, request.query),
        body: parse('body', route.body, request.body),
      };
      return route.run(input as never, { doors, reply, request });
    },
  });
}

function parse(where: string, schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined;
  const checked = checkValue(value ?? {}, schema);
  if (checked.ok) return checked.value;
  throw new ApiProblem(400, 'invalid', `${where} ${mistakeText(checked.mistake)}`);
}

function isLive(request: FastifyRequest): boolean {
  return request.url.split('?')[0] === '/api/v1/live';
}

function mayUse(request: FastifyRequest, doors: ApiDoors): boolean {
  if (doors.token.matchesHeader(request.headers.authorization)) return true;
  const url = request.url.split('?')[0] ?? '';
  return (
    request.method === 'GET' &&
    url.startsWith('/api/v1/links/') &&
    doors.token.isSigned(request.url)
  );
}

/** Host must be ours by address or `localhost`; Origin, when sent, must be this very page. */
function refuseForeign(request: FastifyRequest, host: string, port: number): void {
  const names = [host, '127.0.0.1', 'localhost', '[::1]'].flatMap((name) => [
    `${name}:${port}`,
    name,
  ]);
  if (!names.includes((request.headers.host ?? '').toLowerCase())) {
    throw new ApiProblem(
      403,
      'host',
      `Host is ${request.headers.host ?? 'missing'}, expected ${host}:${port}`,
    );
  }
  const { origin } = request.headers;
  // A frame without same-origin rights says `null`; it only ever fetches signed links.
  if (origin === undefined || (origin === 'null' && request.url.startsWith('/api/v1/links/')))
    return;
  if (!names.some((name) => origin === `http://${name}`)) {
    throw new ApiProblem(403, 'origin', `Origin is ${origin}, expected http://${host}:${port}`);
  }
}

function sendProblem(
  error: Error & { statusCode?: number; code?: string },
  reply: FastifyReply,
  doors: ApiDoors,
): void {
  if (error instanceof ApiProblem) {
    reply.code(error.status).send({ error: { code: error.code, message: error.message } });
    return;
  }
  const status = error.statusCode ?? 500;
  if (status >= 500) doors.diagnostic('error', `API: ${error.stack ?? error.message}`);
  reply.code(status).send({ error: { code: error.code ?? 'internal', message: error.message } });
}
