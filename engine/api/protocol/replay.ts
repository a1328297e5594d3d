/**
 * Wire types of the Lab: policy files with check and save, captured messages run through edited
 * text, and copies queued for real.
 */
import type { SourceLink } from './journey.ts';
import type { DryEffect, DryStub, MessageChanges } from './explain.ts';

/** `GET /policy/files` */
export interface PolicyFileList {
  readonly files: readonly {
    /** Relative to the policy folder: `init.lua`, `lib/auth.lua`. */
    readonly path: string;
    readonly sizeBytes: number;
    readonly changedMs: number;
  }[];
}

/** `GET /policy/files/content?path=` */
export interface PolicyFile {
  readonly path: string;
  readonly text: string;
  /** Give it back with a save, so that a change made elsewhere is not overwritten. */
  readonly version: string;
}

/** `POST /policy/check`: compiles the text; `runs` also runs the whole policy with it, dry. */
export interface PolicyCheckRequest {
  readonly path: string;
  readonly text: string;
  /** Other edited files. */
  readonly files?: Readonly<Record<string, string>>;
  readonly runs?: boolean;
}

export interface PolicyCheck {
  readonly ok: boolean;
  readonly error: {
    readonly path: string;
    readonly line: number | null;
    readonly message: string;
  } | null;
  /** Events and constructors that the policy handles with this text; empty unless it ran. */
  readonly handlers: readonly string[];
}

/** `POST /policy/save`: written only when the policy runs with it; otherwise the old one stays. */
export interface PolicySaveRequest {
  readonly path: string;
  readonly text: string;
  readonly version?: string;
}

export interface PolicySaved {
  readonly ok: boolean;
  readonly error: PolicyCheck['error'];
  readonly version: string | null;
}

/** `GET /policy/functions`: what Lua can call, for completion and hover. */
export interface LuaFunctionList {
  readonly functions: readonly {
    /** `kumo.json_parse`, `Message:set_meta`. */
    readonly name: string;
    /** As it is called: `msg:set_meta(key, value)`. */
    readonly signature: string;
    readonly doc: string;
    readonly effect: 'pure' | 'read' | 'write' | 'network';
  }[];
  /** Values of userdata that are read without a call: `EnvelopeAddress.domain`. */
  readonly fields: readonly string[];
  readonly events: readonly {
    readonly name: string;
    readonly args: readonly string[];
    readonly returns: string;
    readonly doc: string;
  }[];
}

/** Which messages; `seqs` wins over `filter` (the Mail list's language), newest first. */
export interface ReplaySelection {
  readonly seqs?: readonly number[];
  readonly filter?: string;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
}

/** `POST /replay` */
export interface ReplayRequest {
  readonly messages: ReplaySelection;
  readonly through:
    | { readonly kind: 'reception' }
    /** The constructor's object gets them by `send`, or `send_batch` when `batchSize` is not 1. */
    | { readonly kind: 'constructor'; readonly name: string; readonly batchSize?: number };
  /** Policy files as edited, by path relative to the policy folder; not saved. */
  readonly files?: Readonly<Record<string, string>>;
  readonly stubs?: readonly DryStub[];
  /** `far-ends`: HTTP to loopback really happens. Default: only stubs and recordings answer. */
  readonly http?: 'stubs' | 'far-ends';
  /** Id of an earlier run whose network answers are used again. */
  readonly recording?: string;
  readonly seed?: number;
}

/** Answer to `POST /replay` and `GET /replay/runs/:id`. */
export interface ReplayRun {
  readonly id: string;
  /** Real time. */
  readonly startedRealMs: number;
  readonly durationMs: number;
  /** `reception, init.lua edited`, `constructor webhook`. */
  readonly title: string;
  readonly through: ReplayRequest['through'];
  readonly counts: { readonly same: number; readonly differ: number; readonly failed: number };
  /** Messages that the selection had beyond the limit. */
  readonly more: number;
  readonly results: readonly ReplayResult[];
  /** The policy could not be loaded or its `init` failed. */
  readonly problem: { readonly text: string; readonly source: SourceLink | null } | null;
  /** Calls made while the policy file and `init` ran, and by `close`. */
  readonly effects: readonly DryEffect[];
}

export interface ReplayResult {
  readonly seq: number;
  readonly to: string;
  readonly subject: string;
  /** `same`: as it really went. `failed`: the script raised something that is no reject. */
  readonly verdict: 'same' | 'differs' | 'failed';
  /** `250 OK`, `550 5.7.1 no`, what `send` returned. */
  readonly reply: { readonly code: number; readonly text: string } | null;
  readonly state: string;
  readonly queue: string | null;
  readonly durationMs: number;
  readonly calls: readonly ReplayedCall[];
  readonly effects: readonly DryEffect[];
  readonly changes: MessageChanges;
  /** Against what really happened. */
  readonly differences: readonly {
    /** `reply`, `state`, `queue`, `meta.tenant`, `header.Subject`, `body`, `event smtp_server_data`. */
    readonly field: string;
    readonly was: string;
    readonly now: string;
  }[];
  /** A captured message that could not be replayed (its body is gone). */
  readonly problem: string | null;
}

export interface ReplayedCall {
  readonly event: string;
  readonly args: readonly string[];
  /** `→ nil`, or what it raised. */
  readonly returned: string;
  readonly raised: boolean;
  readonly durationMs: number;
  readonly prints: readonly { readonly text: string; readonly source: SourceLink | null }[];
  readonly metaChanges: readonly {
    readonly name: string;
    readonly from: string | null;
    readonly to: string | null;
    readonly source: SourceLink | null;
  }[];
  readonly source: SourceLink | null;
  /** Where it raised. */
  readonly raisedAt: SourceLink | null;
}

/** `GET /replay/runs`: newest first, without results. */
export interface ReplayRunList {
  readonly runs: readonly (Omit<ReplayRun, 'results' | 'effects'> & { readonly count: number })[];
}

/** `POST /replay/queue`: copies go through the present policy and its queues, for real. */
export interface ReplayForRealRequest {
  readonly messages: ReplaySelection;
}

export interface ReplayForRealResult {
  readonly queued: number;
  readonly failed: readonly { readonly seq: number; readonly text: string }[];
  /** Rows of the copies. */
  readonly seqs: readonly number[];
}
