/** Does the policy of a workspace run, asked while no engine does: its file and `init`, dry. */
import { dryBench } from '../compose/dry-bench.ts';
import { mistypedEvents } from '../compose/mistyped-events.ts';
import type { PolicyProblem } from '../policy/script-host.ts';
import { DryRun } from '../replay/dry-run.ts';
import { WorkspaceEngine } from '../workspace-engine.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';

interface TriedPolicy {
  readonly problem: PolicyProblem | null;
  readonly handlers: readonly string[];
  /** About names that are nearly events. */
  readonly doubt: string | null;
}

export async function tryPolicy(layout: WorkspaceLayout): Promise<TriedPolicy> {
  const engine = await WorkspaceEngine.openAsleep(layout);
  try {
    const run = await DryRun.open(dryBench(engine), {});
    try {
      const handlers = run.policy.host.eventNames();
      return { problem: run.problem, handlers, doubt: mistypedEvents(handlers) };
    } finally {
      await run.close();
    }
  } finally {
    await engine.stop();
  }
}
