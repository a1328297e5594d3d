/** Far ends of the fake engine: real ones, in memory, behind the real view of the API. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { FarEndsView } from '../../engine/api/far-ends-view.ts';
import type {
  FarEndCheckRequest,
  FarEndList,
  FarEndPutRequest,
  FarEndRequest,
  FarEndSwitchRequest,
} from '../../engine/api/protocol.ts';
import { ApiProblem } from '../../engine/api/route.ts';
import { SystemClock } from '../../engine/base/clock.ts';
import { FarEnds } from '../../engine/farends/far-ends.ts';
import { SimClock } from './sim-clock.ts';

const FILE = `{
  "farEnds": [
    { "name": "accept" },
    { "name": "greylist", "rules": [{ "do": "greylist", "at": "rcpt" }] }
  ]
}
`;

/** They begin with the first question, and end with the server. */
export function serveFarEnds(server: FastifyInstance): void {
  const folder = mkdtempSync(join(tmpdir(), 'postyard-fake-'));
  writeFileSync(join(folder, 'far-ends.json'), FILE);
  const farEnds = new FarEnds({
    file: join(folder, 'far-ends.json'),
    stateFolder: null,
    mailClock: new SimClock(),
    clock: new SystemClock(),
    onTrouble: () => undefined,
  });
  const view = new FarEndsView(farEnds);
  let started: Promise<void> | null = null;
  const answer = async (work: () => FarEndList | Promise<FarEndList>): Promise<FarEndList> => {
    await (started ??= farEnds.start());
    return work();
  };
  server.addHook('onClose', async () => {
    await farEnds.close();
    rmSync(folder, { recursive: true, force: true });
  });
  server.get('/api/v1/far-ends', () => answer(() => view.list()));
  server.get('/api/v1/far-ends/form', () => view.form());
  server.post('/api/v1/far-ends/check', ({ body }) => view.check(body as FarEndCheckRequest));
  post<FarEndPutRequest>('/far-ends', (body) => view.put(body));
  post<FarEndRequest>('/far-ends/remove', (body) => view.remove(body));
  post<FarEndSwitchRequest>('/far-ends/switch', (body) => view.switch(body));
  post<FarEndRequest>('/far-ends/reset', (body) => view.reset(body));
  server.get<{ Params: { name: string } }>('/api/v1/far-ends/:name/received', ({ params }) =>
    view.received(params.name, 100, null),
  );
  server.get<{ Params: { name: string; id: string } }>(
    '/api/v1/far-ends/:name/received/:id',
    ({ params }) => view.mail(params.name, params.id),
  );

  function post<T>(url: string, work: (body: T) => Promise<FarEndList>): void {
    server.post(`/api/v1${url}`, async ({ body }, reply) => {
      try {
        return await answer(() => work(body as T));
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        const { status, code, message } = error;
        return reply.code(status).send({ error: { code, message } });
      }
    });
  }
}
