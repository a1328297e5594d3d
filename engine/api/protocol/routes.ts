/** Wire types of routes, the list of open hosts and the ledger of connections. */
import type { Route } from '../../routes/route.ts';
import type { Count } from './rows.ts';

/** A route as `routes.json` has it; the JSON Schema is `docs/reference/routes.schema.json`. */
export type RouteSpec = Route;

/** `GET /routes`: in the order in which they are asked. */
export interface RouteList {
  /** Grows with every change of the list; also in the engine's status. */
  readonly revision: number;
  /** Relative to the workspace. */
  readonly file: string;
  /** The file is broken: the routes that were there before are in force. */
  readonly problem: {
    readonly line: number;
    readonly column?: number;
    readonly message: string;
  } | null;
  readonly routes: readonly RouteRow[];
  /** What the policy decided about, because no route matched. */
  readonly otherwise: RouteCounts;
  /** The built-in last route "capture what would leave". */
  readonly capture: RouteCounts & { readonly enabled: boolean; readonly maildir: string };
  readonly openHosts: OpenHosts;
}

export interface RouteCounts {
  readonly hits: number;
  readonly last: {
    readonly code: number | null;
    readonly text: string;
    readonly state: string;
    readonly atMs: number;
  } | null;
}

export interface RouteRow extends RouteCounts {
  readonly route: RouteSpec;
  /** `queue`: answers for queues by their name; `message`: decided when mail is received. */
  readonly level: 'queue' | 'message';
  readonly technique: string;
  /** In words: `tenant acme, domain *.example`. */
  readonly match: string;
  readonly target: string;
  readonly trouble: {
    readonly kind: 'shadowed' | 'conflict' | 'target';
    /** The other route. */
    readonly by: string | null;
    readonly text: string;
  } | null;
  /** Messages that wait in queues this route answers for or made. */
  readonly queued: number;
}

export interface OpenHosts {
  /** Of the workspace's settings. */
  readonly workspace: readonly string[];
  readonly byRoute: readonly { readonly route: string; readonly hosts: readonly string[] }[];
}

/** `PUT /routes/:name` adds a route or changes it; a name other than the one in the URL renames it. */
export interface RoutePutRequest {
  readonly route: RouteSpec;
  /** Where a new one goes, counted from 0; absent: at the end. */
  readonly at?: number;
}

/** Answer to every change: what is in force now, and what waits that would go another way. */
export interface RouteChanged {
  readonly list: RouteList;
  /** Queued messages that could be moved now; not exact when there are many. */
  readonly movable: Count;
}

/** `POST /routes/check`: live validation of what an editor holds. */
export interface RouteCheckRequest {
  readonly route: unknown;
  /** The name that it has in the list; absent for a new one. */
  readonly was?: string;
}
export interface RouteCheck {
  /** Where and what, in order of the fields; empty when it can be saved. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
  readonly level: 'queue' | 'message' | null;
  readonly match: string;
  readonly target: string;
  /** Hosts that it names and that are neither on this machine nor open. */
  readonly closedHosts: readonly string[];
}

/** `GET /routes/:name/lua`, `GET /lua/routes` */
export interface RouteLua {
  readonly text: string;
}

/** `POST /routes/move` */
export interface RouteMoved {
  readonly moved: number;
  readonly text: string;
}

/** `GET /ledger?cursor=&limit=`: connections that went outside or were refused, newest first. */
export interface LedgerPage {
  readonly rows: readonly LedgerLine[];
  readonly next: string | null;
}
export interface LedgerLine {
  readonly seq: number;
  /** Real time. */
  readonly timeMs: number;
  readonly kind: string;
  readonly target: string;
  readonly allowed: boolean;
  /** Which rule opened it, or why not. */
  readonly why: string;
}
