/**
 * Wire types of the dry run: explaining what would happen to a message, and expectations about it.
 * Nothing of a dry run is stored, queued or sent; what the policy tried to do is in `effects`.
 */
import type { JourneyPart, SourceLink } from './journey.ts';
import type { RowState } from './rows.ts';

/** An answer chosen for something that a dry run does not ask anybody. */
export interface DryStub {
  readonly kind: 'http' | 'dns' | 'redis';
  /**
   * What it answers, with `*` for anything: `GET http://127.0.0.1:8080/users/*`,
   * `MX example.com`, `GET some-key`.
   */
  readonly match: string;
  /** HTTP: default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** HTTP: the body as text. */
  readonly body?: string;
  /** DNS: a list of texts (`10 mx.example.com`). Redis: the value. */
  readonly answer?: unknown;
  /** Fails with this text instead. */
  readonly error?: string;
}

/** `POST /explain`: the message and how it would arrive. */
export interface ExplainRequest {
  /** Reverse-path; `` is the null sender. Default: `sender@shop.example`, or that of `row`. */
  readonly from?: string;
  /** Forward-paths, one transaction for all. Default: that of `row`. */
  readonly to?: readonly string[];
  /** Header lines that are put in front of (or replace those of) the message. */
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
  readonly text?: string;
  /** The whole message, instead of one made of `headers` and `text`. */
  readonly eml?: string;
  /** A captured message: its envelope and its data as sent, where nothing else is given. */
  readonly row?: number;
  /** Set on the connection before MAIL, so that every message starts with it. */
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly auth?: { readonly user: string; readonly password?: string };
  /** The client's IP address. Default: `127.0.0.1`. */
  readonly peer?: string;
  readonly ehlo?: string;
  /** Answers for what is not asked. */
  readonly stubs?: readonly DryStub[];
  /** Routes by name whose switch is taken to be on or off. */
  readonly routes?: Readonly<Record<string, boolean>>;
  /** A second case, side by side: the same with other switches. */
  readonly whatIf?: { readonly routes: Readonly<Record<string, boolean>> };
  /** Policy files as edited, by path relative to the policy folder; not saved. */
  readonly files?: Readonly<Record<string, string>>;
  readonly seed?: number;
}

/** Answer to `POST /explain`. */
export interface Explanation {
  readonly asIs: ExplainedCase;
  readonly whatIf: ExplainedCase | null;
}

export interface ExplainedCase {
  /** `as it is`, `route sg off`. */
  readonly label: string;
  /** The reply that ended the transaction. */
  readonly reply: { readonly code: number; readonly text: string };
  readonly recipients: readonly ExplainedRecipient[];
  /** What the policy asked or tried to change outside of the message, in order. */
  readonly effects: readonly DryEffect[];
  /** The policy could not be loaded or its `init` failed: nothing else is in the answer then. */
  readonly problem: { readonly text: string; readonly source: SourceLink | null } | null;
  /** What differs from what would happen without a dry run, e.g. "http was not stubbed". */
  readonly notes: readonly string[];
}

/** One recipient's fate; fields that do not apply are null. */
export interface ExplainedRecipient {
  readonly to: string;
  /** What would become of it first: queued (delivery would be tried), null, rejected, suppressed. */
  readonly state: RowState;
  readonly reply: { readonly code: number; readonly text: string };
  readonly queue: string | null;
  readonly queueWhy: string | null;
  /** Name of the route that decided, else null. */
  readonly route: string | null;
  readonly routeWhy: string | null;
  readonly protocol: 'smtp' | 'maildir' | 'lua' | 'null' | 'xfer' | 'internal' | null;
  /** Hosts with ports, the constructor, or the maildir path. */
  readonly target: string | null;
  /** Captured instead of leaving: where it would have gone. */
  readonly capturedInstead: string | null;
  readonly maildirPath: string | null;
  readonly configSource: SourceLink | null;
  readonly pool: string | null;
  readonly source: string | null;
  readonly site: string | null;
  readonly plan: readonly PlannedHost[];
  /** Why there is no plan, or what was left out of it. */
  readonly planNotes: readonly string[];
  /** Why nothing would be delivered although it is queued. */
  readonly failure: string | null;
  readonly dueInMs: number;
  /** If every attempt fails: the first attempts ahead, the last one may be the expiry. */
  readonly retries: readonly {
    readonly afterMs: number;
    readonly expires: boolean;
    readonly arithmetic: string;
  }[];
  readonly meta: Readonly<Record<string, unknown>>;
  readonly changes: MessageChanges;
  /** All of it as a timeline. */
  readonly parts: readonly JourneyPart[];
}

export interface PlannedHost {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  /** `remote_port` of the source, the `entry` itself, or `smtp_port` of the path. */
  readonly portFrom: string;
}

/** What a policy did to a message. */
export interface MessageChanges {
  readonly meta: readonly ValueChange[];
  /** By header name; a header that occurs several times is one text with line breaks. */
  readonly headers: readonly ValueChange[];
  readonly sender: ValueChange | null;
  readonly recipients: ValueChange | null;
  readonly body: {
    readonly bytesBefore: number;
    readonly bytesAfter: number;
    /** Unified diff of the first lines that differ. */
    readonly diff: string;
  } | null;
}

export interface ValueChange {
  readonly name: string;
  /** Null: it was not there. */
  readonly from: string | null;
  readonly to: string | null;
}

/** A call from Lua to the host; those that only compute are `pure`. */
export interface DryEffect {
  /** The event it was called from; `` while the policy file ran. */
  readonly event: string;
  /** `kumo.inject_message`, `Conn.execute`. */
  readonly name: string;
  readonly effect: 'pure' | 'read' | 'write' | 'network';
  /**
   * `done`: it was harmless or went to a copy. `recorded`, `stubbed`, `not-stubbed`: an answer for
   * the network. `sent`: it really asked a far end. `withheld`: it was shown here and nothing else.
   */
  readonly what: 'done' | 'recorded' | 'stubbed' | 'not-stubbed' | 'sent' | 'withheld';
  readonly args: readonly string[];
  /** What was asked of the network, perhaps with the answer: `GET http://… → 200`. */
  readonly question?: string;
  readonly result: string;
  readonly durationMs: number;
  readonly source: SourceLink | null;
}
