/** What engine and window say to each other about far ends: types only. */
import type { TranscriptLine } from './attempts.ts';

/** `GET /far-ends`, in the order of the file. */
export interface FarEndList {
  readonly farEnds: readonly FarEndRow[];
  /** `far-ends.json:12: …`: the far ends are those from before; null when the file is fine. */
  readonly problem: string | null;
  /** Relative to the workspace. */
  readonly file: string;
  readonly presets: readonly FarEndPreset[];
}

export interface FarEndRow {
  readonly name: string;
  readonly state: 'listening' | 'off' | 'failed';
  /** Why it does not listen. */
  readonly problem: string | null;
  /** `127.0.0.1:2526`; null while it does not listen. */
  readonly address: string | null;
  readonly protocol: 'smtp' | 'lmtp';
  /** In one sentence. */
  readonly scenario: string;
  /** Deliveries that came by. */
  readonly hits: number;
  /** Messages that are kept. */
  readonly received: number;
  /** Triplets, counts and rates that it remembers. */
  readonly remembered: number;
  readonly connections: number;
  readonly lastReply: string | null;
  readonly lastHitMs: number | null;
  /** As the file has it, without defaults. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** It is not in the file: the one that every workspace has. */
  readonly isBuiltIn: boolean;
}

export interface FarEndPreset {
  readonly name: string;
  readonly what: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** `GET /far-ends/form`: what an editor offers, from the schema of the file. */
export interface FarEndForm {
  readonly behaviours: readonly FarEndBehaviour[];
  /** What STARTTLS may lead to. */
  readonly tls: readonly string[];
}

export interface FarEndBehaviour {
  /** As in `do`. */
  readonly name: string;
  /** In one sentence. */
  readonly what: string;
  /** Stages where it makes sense. */
  readonly at: readonly string[];
  readonly fields: readonly FarEndField[];
}

export interface FarEndField {
  readonly name: string;
  readonly kind: 'text' | 'number' | 'choice';
  readonly choices: readonly string[];
  readonly hint: string;
  readonly isRequired: boolean;
}

/** `POST /far-ends/check`: live validation of what an editor holds. */
export interface FarEndCheckRequest {
  readonly farEnd: Readonly<Record<string, unknown>>;
}

export interface FarEndCheck {
  /** `rules[0].at`; null when it can be kept. */
  readonly problem: { readonly path: string; readonly message: string } | null;
  /** What it would do, in one sentence; null while something is wrong. */
  readonly scenario: string | null;
}

/** `POST /far-ends`: adds one, or changes the one of that name; answers the list. */
export interface FarEndPutRequest {
  readonly farEnd: Readonly<Record<string, unknown>>;
  /** It was called this before. */
  readonly was?: string;
  /** Where a new one goes; the end when left out. */
  readonly at?: number;
}

/** `POST /far-ends/remove`, `/far-ends/reset`. */
export interface FarEndRequest {
  readonly name: string;
  /** Of a reset: what it received goes, too. */
  readonly received?: boolean;
}

/** `POST /far-ends/switch` */
export interface FarEndSwitchRequest {
  readonly name: string;
  readonly on: boolean;
}

/** `GET /far-ends/:name/received?limit=&before=`, newest first. */
export interface FarEndReceived {
  readonly mails: readonly FarEndMail[];
  readonly more: number;
}

export interface FarEndMail {
  readonly id: string;
  readonly timeMs: number;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly sizeBytes: number;
  readonly reply: string;
}

/** `GET /far-ends/:name/received/:id` */
export interface FarEndMailDetail extends FarEndMail {
  readonly realTimeMs: number;
  readonly ehlo: string;
  readonly tls: string | null;
  readonly user: string | null;
  readonly messageId: string | null;
  /** The session up to the reply. */
  readonly transcript: readonly TranscriptLine[];
  /** The message as it arrived, at most the first 256 KB of it. */
  readonly source: string;
  readonly isCut: boolean;
}

/** Where an attempt's message arrived. */
export interface FarEndPlace {
  readonly name: string;
  /** Of the message there; null when it took none, or does not keep it any more. */
  readonly id: string | null;
}
