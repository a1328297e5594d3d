/**
 * Who a request comes from: the peer's address, and what its Authorization header proves to the
 * policy. A header that is there must be right, even from a trusted peer.
 *
 * Source: reference `http-logs-reception.md` §1.7.
 */
import { createHash } from 'node:crypto';
import { toError } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { AuditTrail } from '../../log/audit-log.ts';
import type { AuthInfo } from '../../mail/connection-meta.ts';
import type { AuthResult, PolicyEvents } from '../../policy/events.ts';
import type { CidrSet } from '../../policy/settings.ts';
import { TRUSTED_GROUP } from './access-control.ts';
import { HttpRefusal } from './http-problem.ts';

/** Answers of the policy are kept this long: right and wrong ones, and errors. */
const ANSWER_KEPT_MS = 60_000;
const ANSWERS_MAX = 1024;

type Credentials =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string | null }
  | { readonly kind: 'bearer'; readonly token: string };

export class Authentication {
  readonly #events: Pick<
    PolicyEvents,
    'httpServerValidateAuthBasic' | 'httpServerValidateAuthBearer'
  >;
  readonly #clock: Clock;
  readonly #audit: Pick<AuditTrail, 'authentication'>;
  readonly #diagnostic: (level: 'error', text: string) => void;
  /** By digest: credentials themselves are not kept. */
  readonly #answers = new Map<string, { result: Promise<AuthResult>; untilMs: number }>();

  constructor(deps: {
    readonly events: Pick<
      PolicyEvents,
      'httpServerValidateAuthBasic' | 'httpServerValidateAuthBearer'
    >;
    readonly clock: Clock;
    readonly audit: Pick<AuditTrail, 'authentication'>;
    readonly diagnostic: (level: 'error', text: string) => void;
  }) {
    this.#events = deps.events;
    this.#clock = deps.clock;
    this.#audit = deps.audit;
    this.#diagnostic = deps.diagnostic;
  }

  /** @throws {HttpRefusal} the header is malformed, or wrong */
  async identify(
    peerIp: string,
    trustedHosts: CidrSet,
    header: string | undefined,
  ): Promise<AuthInfo> {
    const groups = trustedHosts.contains(peerIp) ? [TRUSTED_GROUP] : [];
    const base: AuthInfo = { peerAddress: peerIp, identities: [], groups };
    if (header === undefined) return base;
    const credentials = parseAuthorization(header);
    const context = credentials.kind === 'basic' ? 'HttpBasicAuth' : 'BearerToken';
    const shown = credentials.kind === 'basic' ? credentials.user : credentials.token;
    // A token is a secret: it proves somebody, but is nobody's name.
    const identity = credentials.kind === 'basic' ? credentials.user : 'bearer';
    const result = await this.#validate(credentials);
    if (result === false) {
      this.#audit.authentication({ identity, context, isSuccess: false, auth: base });
      throw new HttpRefusal(401, `${context} Authentication Failed for ${shown}`);
    }
    const proven = result === true ? { identities: [{ identity, context }], groups: [] } : result;
    const auth: AuthInfo = {
      peerAddress: peerIp,
      identities: [...base.identities, ...proven.identities],
      groups: [...groups, ...proven.groups],
    };
    this.#audit.authentication({ identity, context, isSuccess: true, auth });
    return auth;
  }

  async #validate(credentials: Credentials): Promise<AuthResult> {
    const key = createHash('sha256').update(JSON.stringify(credentials)).digest('base64');
    const now = this.#clock.monotonic();
    const known = this.#answers.get(key);
    const result = known && known.untilMs > now ? known.result : this.#ask(credentials);
    if (result !== known?.result) {
      if (this.#answers.size >= ANSWERS_MAX) this.#answers.clear();
      this.#answers.set(key, { result, untilMs: now + ANSWER_KEPT_MS });
    }
    try {
      return await result;
    } catch (error) {
      this.#diagnostic('error', `Cannot authenticate: ${toError(error).message}`);
      throw new HttpRefusal(500, 'try again later', { cause: error });
    }
  }

  #ask(credentials: Credentials): Promise<AuthResult> {
    return credentials.kind === 'basic'
      ? this.#events.httpServerValidateAuthBasic(credentials.user, credentials.password)
      : this.#events.httpServerValidateAuthBearer(credentials.token);
  }
}

/** @throws {HttpRefusal} 400 */
function parseAuthorization(header: string): Credentials {
  if (/[^\t\x20-\x7e]/.test(header)) throw new HttpRefusal(400, 'Malformed Authorization header');
  const [, scheme = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(header.trim()) ?? [];
  if (scheme.toLowerCase() === 'bearer' && rest !== '') return { kind: 'bearer', token: rest };
  if (scheme.toLowerCase() === 'basic') {
    const decoded = decodeBasic(rest);
    if (decoded) return decoded;
  }
  throw new HttpRefusal(400, 'Malformed or unsupported Authorization header');
}

function decodeBasic(encoded: string): Credentials | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
  const colon = text.indexOf(':');
  if (colon < 0) return { kind: 'basic', user: text, password: null };
  return { kind: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}
