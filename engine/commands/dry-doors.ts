/**
 * Dry runs for commands: asked of the running engine, or of one that is opened for the moment,
 * without listeners, window or deliveries.
 */
import { existsSync } from 'node:fs';
import type { DryDoors } from '../api/dry-doors.ts';
import type {
  ExpectationRun,
  ExpectationRunRequest,
  ExpectationSaved,
  ExpectationSaveRequest,
  ExplainRequest,
  Explanation,
  ReplayForRealRequest,
  ReplayForRealResult,
  ReplayRequest,
  ReplayRun,
  ReplayRunList,
} from '../api/protocol.ts';
import { dryDoors } from '../compose/dry-doors.ts';
import { WorkspaceEngine } from '../workspace-engine.ts';
import { readEngineFile } from '../workspace/engine-file.ts';
import { findWorkspace } from '../workspace/layout.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import { callersFolder } from './command.ts';
import { EngineClient, shellWord } from './engine-client.ts';

export interface DryCommands extends AsyncDisposable {
  explain(request: ExplainRequest): Promise<Explanation>;
  check(request: ExpectationRunRequest): Promise<ExpectationRun>;
  expect(request: ExpectationSaveRequest): Promise<ExpectationSaved>;
  replay(request: ReplayRequest): Promise<ReplayRun>;
  /** Runs of the running engine; a borrowed one has made none. */
  runs(): Promise<ReplayRunList>;
  run(id: string): Promise<ReplayRun | null>;
  /** Null: there is no running engine, and a borrowed one queues nothing. */
  readonly queue: ((request: ReplayForRealRequest) => Promise<ReplayForRealResult>) | null;
}

export async function openDryCommands(layout: WorkspaceLayout): Promise<DryCommands> {
  const client = readEngineFile(layout) === null ? null : EngineClient.find(layout.root);
  return client === null ? borrowed(layout) : asked(client);
}

function asked(client: EngineClient): DryCommands {
  return {
    explain: (request) => client.post('/explain', request),
    check: (request) => client.post('/expectations/run', request),
    expect: (request) => client.post('/expectations/save', request),
    replay: (request) => client.post('/replay', request),
    runs: () => client.get('/replay/runs'),
    run: (id) => client.get(`/replay/runs/${encodeURIComponent(id)}`),
    queue: (request) => client.post('/replay/queue', request),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** @throws {Error} a mistyped folder: nothing is made for a question, but the folder of the first start */
async function borrowed(layout: WorkspaceLayout): Promise<DryCommands> {
  if (!existsSync(layout.root) && layout.root !== findWorkspace(undefined, callersFolder()).root)
    throw new Error(
      `There is no folder ${layout.root}, expected a workspace; one is made by: postyard serve --workspace ${shellWord(layout.root)}`,
    );
  const engine = await WorkspaceEngine.openAsleep(layout);
  const doors: DryDoors = dryDoors(engine);
  return {
    explain: (request) => doors.explain.explain(request),
    check: (request) => doors.expectations.run(request),
    expect: (request) => doors.expectations.save(request),
    replay: (request) => doors.replay.replay(request),
    runs: () => Promise.resolve(doors.replay.runs()),
    run: (id) => Promise.resolve(doors.replay.run(id)),
    queue: null,
    [Symbol.asyncDispose]: () => engine.stop(),
  };
}
