/**
 * Routes that show: messages, queues, the path a domain's mail would take.
 *
 * Source: reference `http-logs-reception.md` §2.6–2.9; golden `admin-inspect-*`, `admin-ready-queues`.
 */
import type { SpoolId } from '../../base/ids.ts';
import { messageJson } from '../../queue/admin-json.ts';
import type { Answer } from './http-exchange.ts';
import { HttpProblem } from './http-problem.ts';
import { QueryReader } from './query.ts';
import { resolveEgressPath } from './resolve-egress-path.ts';
import type { KumoApiDeps, Routes } from './route.ts';

export const INSPECT_ROUTES: Routes = {
  '/api/admin/inspect-message/v1': {
    GET: (request, deps) => {
      const query = new QueryReader(request.query);
      return inspectMessage(query.spoolId('id'), query.flag('want_body'), deps);
    },
  },
  '/api/admin/inspect-sched-q/v1': {
    GET: async (request, { queues }) => {
      const query = new QueryReader(request.query);
      const name = query.text('queue_name');
      const options = { limit: query.optionalCount('limit'), wantBody: query.flag('want_body') };
      const body = await queues.lists.inspectScheduled(name, options);
      if (body === null) throw new HttpProblem(404, `no such queue ${name}`);
      return { body };
    },
  },
  '/api/admin/inspect-ready-q/v1': {
    GET: (request, { queues }) => {
      const query = new QueryReader(request.query);
      const name = query.text('queue_name');
      const body = queues.lists.inspectReady(name, query.flag('include_scheduled_queues'));
      if (body === null) throw new HttpProblem(404, `no such ready queue ${name}`);
      return { body };
    },
  },
  '/api/admin/ready-q-states/v1': {
    GET: (request, { queues }) => {
      new QueryReader(request.query).noList('queues');
      return { body: queues.lists.readyStates() };
    },
  },
  '/api/admin/resolve-egress-path/v1': {
    GET: async (request, deps) => {
      const query = new QueryReader(request.query);
      const domain = query.text('domain');
      const source = query.optionalText('source') ?? 'unspecified';
      return { body: await resolveEgressPath(domain, source, deps) };
    },
  },
};

/** KumoMTA looks into its spool: what has left the queues is not there any more. */
async function inspectMessage(id: SpoolId, wantBody: boolean, deps: KumoApiDeps): Promise<Answer> {
  const isWaiting = deps.queues.lists.find(id) !== null;
  const message = isWaiting ? await deps.store.load({ id }) : null;
  if (message === null) {
    const spool = deps.spools().find(({ name }) => name === 'meta')?.path ?? '';
    throw new HttpProblem(
      500,
      `failed to load ${id} from "${spool}/${spoolFile(id)}": No such file or directory (os error 2)`,
    );
  }
  return { body: { id, message: messageJson(message, { wantBody, queued: false }) } };
}

/** Where KumoMTA's spool would have the entry. */
function spoolFile(id: SpoolId): string {
  const folders = [0, 2, 4, 6].map((at) => id.slice(at, at + 2));
  return ['data', ...folders, id.slice(8)].join('/');
}
