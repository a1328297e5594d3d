/**
 * Routes about the engine itself: whether it is up, its metrics, its machine, its switches.
 *
 * Source: reference `http-logs-reception.md` §2.1, §2.12, §9.1.
 */
import { statfsSync } from 'node:fs';
import { arch, cpus, hostname, platform, release, totalmem, type, version } from 'node:os';
import { toError } from '../../base/assert.ts';
import { chronoDebugUtc } from '../../base/chrono-text.ts';
import type { Metrics } from '../../log/metrics.ts';
import { setQueueGauges } from '../../log/queue-metrics.ts';
import { KUMO_VERSION } from '../../policy/kumo-version.ts';
import { jsonBody } from './http-exchange.ts';
import { HttpProblem, HttpRefusal } from './http-problem.ts';
import { recordOf, required, text } from './json-shapes.ts';
import type { KumoApiDeps, Routes } from './route.ts';

export const SERVICE_ROUTES: Routes = {
  '/api/check-liveness/v1': {
    GET: (_, { liveness }) => {
      const trouble = liveness();
      if (trouble !== null) throw new HttpRefusal(503, trouble);
      return { body: 'OK' };
    },
  },
  '/metrics': {
    GET: (request, deps) => {
      refreshGauges(deps);
      const prefix = request.query.get('prefix') ?? '';
      return { body: deps.metrics.toText(prefix) };
    },
  },
  '/metrics.json': {
    GET: (_, deps) => {
      refreshGauges(deps);
      return { body: deps.metrics.toJson() };
    },
  },
  '/api/machine-info': { GET: (_, deps) => ({ body: machineInfo(deps) }) },
  '/api/admin/set_diagnostic_log_filter/v1': {
    POST: (request, { setDiagnosticFilter }) => {
      const { filter } = jsonBody(
        request,
        recordOf('SetDiagnosticFilterRequest', { filter: required(text) }),
      );
      try {
        setDiagnosticFilter(filter);
      } catch (error) {
        throw new HttpProblem(500, toError(error).message, { cause: error });
      }
      return { body: '' };
    },
  },
  '/api/admin/bump-config-epoch': {
    POST: async (_, { bumpConfigEpoch }) => {
      await bumpConfigEpoch();
      return { body: '' };
    },
  },
  '/api/admin/spool-compact/v1': {
    POST: (request, { spools }) => {
      const { name } = jsonBody(
        request,
        recordOf('SpoolCompactV1Request', { name: required(text) }),
      );
      if (!spools().some((spool) => spool.name === name)) {
        throw new HttpProblem(500, `no spool named '${name}' has been defined`);
      }
      return { body: '' };
    },
  },
  '/api/admin/memory/stats': { GET: () => ({ body: memoryStats() }) },
  '/api/admin/task-dump': { GET: () => ({ body: taskDump() }) },
};

function refreshGauges({ metrics, queues, spools, logFolders }: KumoApiDeps): void {
  setQueueGauges(metrics, queues.lists.gauges());
  metrics.set('memory_usage', [], process.memoryUsage.rss());
  metrics.set('memory_limit', [], Math.min(process.constrainedMemory() || Infinity, totalmem()));
  for (const { name, path } of spools()) setDiskGauges(metrics, `${name} spool`, path);
  for (const path of logFolders()) setDiskGauges(metrics, `log dir ${path}`, path);
}

/** A folder that is not there yet has no space. */
function setDiskGauges(metrics: Metrics, name: string, path: string): void {
  try {
    const { bavail, blocks, bsize } = statfsSync(path);
    metrics.set('disk_free_bytes', [name], bavail * bsize);
    metrics.set('disk_free_percent', [name], blocks === 0 ? 0 : (bavail / blocks) * 100);
  } catch {
    metrics.restart('disk_free_bytes', (labels) => labels[0] !== name);
  }
}

function machineInfo(deps: KumoApiDeps): Record<string, unknown> {
  const startedMs = deps.clock.now() - deps.clock.monotonic();
  return {
    node_id: deps.nodeId,
    hostname: hostname(),
    mac_address: '',
    num_cores: cpus().length,
    kernel_version: release(),
    platform: `${platform()}/${arch()}`,
    distribution: type(),
    os_version: version(),
    total_memory_bytes: totalmem(),
    cpu_brand: cpus()[0]?.model ?? '',
    fingerprint: deps.nodeId,
    online_since: chronoDebugUtc(startedMs),
    process_kind: 'kumod',
    version: KUMO_VERSION,
  };
}

/** What keeps the process busy, counted by kind. */
function taskDump(): string {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${kind}: ${count}\n`).join('');
}

function memoryStats(): string {
  return Object.entries(process.memoryUsage())
    .map(([name, bytes]) => `${name}: ${bytes}\n`)
    .join('');
}
