/** What the window may ask of dry runs: explain, expectations, replay, the policy's files. */
import type {
  ExpectationList,
  ExpectationRun,
  ExpectationRunRequest,
  ExpectationSaved,
  ExpectationSaveRequest,
  ExplainRequest,
  Explanation,
  PolicyCheck,
  PolicyCheckRequest,
  PolicyFile,
  PolicyFileList,
  PolicySaved,
  PolicySaveRequest,
  ReplayForRealRequest,
  ReplayForRealResult,
  ReplayRequest,
  ReplayRun,
  ReplayRunList,
} from './protocol.ts';

export interface ExplainDoor {
  /** @throws {ApiProblem} the request cannot be carried out; for all of these */
  explain(request: ExplainRequest): Promise<Explanation>;
}

export interface ExpectationsDoor {
  list(): ExpectationList;
  run(request: ExpectationRunRequest): Promise<ExpectationRun>;
  save(request: ExpectationSaveRequest): Promise<ExpectationSaved>;
}

export interface ReplayDoor {
  replay(request: ReplayRequest): Promise<ReplayRun>;
  runs(): ReplayRunList;
  /** Null: there is no such run any more. */
  run(id: string): ReplayRun | null;
  forReal(request: ReplayForRealRequest): Promise<ReplayForRealResult>;
}

export interface PolicyFilesDoor {
  list(): PolicyFileList;
  /** Null: there is no such file. */
  read(path: string): PolicyFile | null;
  check(request: PolicyCheckRequest): Promise<PolicyCheck>;
  save(request: PolicySaveRequest): Promise<PolicySaved>;
}

export interface DryDoors {
  readonly explain: ExplainDoor;
  readonly expectations: ExpectationsDoor;
  readonly replay: ReplayDoor;
  readonly policyFiles: PolicyFilesDoor;
}
