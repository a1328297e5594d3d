/** Releases of the fake engine: loopback and what was opened take everything, other hosts nothing. */
import type { FastifyInstance } from 'fastify';
import type {
  RecipientRow,
  ReleaseRequest,
  ReleaseResult,
  RouteList,
} from '../../engine/api/protocol.ts';

export function serveRelease(
  server: FastifyInstance,
  parts: {
    readonly routes: () => RouteList;
    readonly row: (seq: number) => RecipientRow;
    readonly add: (change: Partial<RecipientRow>) => readonly RecipientRow[];
  },
): void {
  server.post('/api/v1/rows/release', ({ body }, reply) => {
    const { seqs, to, recipient } = body as ReleaseRequest;
    const { routes, openHosts } = parts.routes();
    const host = /^(.+):\d+$/.exec(to)?.[1] ?? null;
    const refuse = (code: string, message: string) =>
      reply.code(409).send({ error: { code, message: `Cannot release to ${to}: ${message}` } });
    if (host === null && !routes.some(({ route }) => route.name === to))
      return refuse('place', 'expected host:port such as 127.0.0.1:1025');
    if (host !== null && host !== '127.0.0.1' && !openHosts.workspace.includes(host))
      return refuse(
        'host-closed',
        `${host} is not open, so mail may not leave this machine; open it first with: postyard route open ${host} (openHosts in postyard.json)`,
      );
    const copies = seqs.flatMap((seq) => {
      const { from, to: own, subject } = parts.row(seq);
      const change = { from, to: recipient ?? own, subject, attempts: 1 };
      return parts.add({ ...change, state: 'delivered', route: host === null ? to : 'release' });
    });
    return {
      ...{ released: copies.length, to, seqs: copies.map(({ seq }) => seq), failed: [] },
    } satisfies ReleaseResult;
  });
}
