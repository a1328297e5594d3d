/**
 * Who may do what through a listener: the lists that the policy defines, else KumoMTA's own. A
 * resource is looked up from the most special to the most general; the first rule that matches
 * decides, and nothing matching means no.
 *
 * Source: reference `http-logs-reception.md` §1.7.
 */
import type { Clock } from '../../base/clock.ts';
import { toError } from '../../base/assert.ts';
import type { AuthInfo } from '../../mail/connection-meta.ts';
import type { AuditTrail } from '../../log/audit-log.ts';
import {
  decidingRule,
  httpResourceChain,
  parseRules,
  ruleJson,
} from '../../policy/bindings/aaa-acl.ts';
import type { AclRule } from '../../policy/bindings/aaa-acl.ts';
import type { PolicyEvents } from '../../policy/events.ts';

/** The group of peers that the listener trusts by their address. */
export const TRUSTED_GROUP = 'kumomta:http-listener-trusted-ip';

const TRUSTED: AclRule['criteria'] = { kind: 'group', name: TRUSTED_GROUP };
const EVERYONE: AclRule['criteria'] = { kind: 'everyone' };
const KNOWN: AclRule['criteria'] = { kind: 'any', of: [TRUSTED, { kind: 'authenticated' }] };

function allow(criteria: AclRule['criteria'], ...privileges: readonly string[]): AclRule[] {
  return privileges.map((privilege) => ({ criteria, privilege, access: 'Allow' }));
}

const DEFAULT_LISTS: Readonly<Record<string, readonly AclRule[]>> = {
  'http_listener/*/api/check-liveness': allow(EVERYONE, 'GET'),
  'http_listener/*/rapidoc': allow(EVERYONE, 'GET'),
  'http_listener/*/api-docs/openapi.json': allow(EVERYONE, 'GET'),
  'http_listener/*/api/inject': allow(KNOWN, 'POST'),
  'http_listener/*/api/admin': allow(TRUSTED, 'GET', 'DELETE', 'POST'),
  'http_listener/*/api/machine-info': allow(TRUSTED, 'GET'),
  'http_listener/*/metrics': allow(TRUSTED, 'GET'),
  'http_listener/*/metrics.json': allow(TRUSTED, 'GET'),
  'http_listener/*/api/xfer': allow(TRUSTED, 'POST'),
};

/** Lists of the policy are kept this long. */
const DEFINITION_KEPT_MS = 300;
const DEFINITIONS_MAX = 1024;

export class AccessControl {
  readonly #events: Pick<PolicyEvents, 'has' | 'getAclDefinition'>;
  readonly #clock: Clock;
  readonly #audit: Pick<AuditTrail, 'authorization'>;
  readonly #diagnostic: (level: 'error', text: string) => void;
  readonly #known = new Map<string, { rules: readonly AclRule[] | null; untilMs: number }>();

  constructor(deps: {
    readonly events: Pick<PolicyEvents, 'has' | 'getAclDefinition'>;
    readonly clock: Clock;
    readonly audit: Pick<AuditTrail, 'authorization'>;
    readonly diagnostic: (level: 'error', text: string) => void;
  }) {
    this.#events = deps.events;
    this.#clock = deps.clock;
    this.#audit = deps.audit;
    this.#diagnostic = deps.diagnostic;
  }

  /** Null when it is allowed, else the text of the refusal. */
  async refusal(
    listener: string,
    request: { readonly method: string; readonly path: string },
    auth: AuthInfo,
  ): Promise<string | null> {
    const chain = httpResourceChain(listener, request.path);
    const { method } = request;
    const [target = ''] = chain;
    for (const [i, resource] of chain.entries()) {
      const rules = await this.#rulesOf(resource);
      const rule = rules && decidingRule(rules, method, auth);
      if (!rule) continue;
      const considered = chain.slice(0, i + 1);
      this.#note({ target, method, auth, considered }, rule, resource);
      return rule.access === 'Allow' ? null : this.#text(auth, 'denied', method, target);
    }
    this.#note({ target, method, auth, considered: chain }, null, null);
    return this.#text(auth, 'not permitted', method, target);
  }

  #note(
    asked: { target: string; method: string; auth: AuthInfo; considered: readonly string[] },
    rule: AclRule | null,
    matchingResource: string | null,
  ): void {
    this.#audit.authorization({
      resource: asked.target,
      privilege: asked.method,
      access: rule?.access ?? 'Deny',
      matchingResource,
      rule: rule === null ? null : ruleJson(rule),
      auth: asked.auth,
      considered: asked.considered,
    });
  }

  #text(auth: AuthInfo, verb: string, method: string, resource: string): string {
    const identities = auth.identities.map((i) => i.identity);
    const who = identities.length > 0 ? `id=[${identities.join(', ')}]` : '<Unauthenticated>';
    return `${who}@ ip=${auth.peerAddress ?? ''} ${verb} ${method} on ${resource}`;
  }

  async #rulesOf(resource: string): Promise<readonly AclRule[] | null> {
    const fallback = DEFAULT_LISTS[resource] ?? null;
    if (!this.#events.has('get_acl_definition')) return fallback;
    const now = this.#clock.monotonic();
    const known = this.#known.get(resource);
    if (known && known.untilMs > now) return known.rules ?? fallback;
    const rules = await this.#ask(resource);
    if (this.#known.size >= DEFINITIONS_MAX) this.#known.clear();
    this.#known.set(resource, { rules, untilMs: now + DEFINITION_KEPT_MS });
    return rules ?? fallback;
  }

  /** A list that cannot be had allows nothing. */
  async #ask(resource: string): Promise<readonly AclRule[] | null> {
    try {
      const definition = await this.#events.getAclDefinition(resource);
      return definition === null ? null : parseRules(definition);
    } catch (error) {
      this.#diagnostic('error', `get_acl_definition ${resource}: ${toError(error).message}`);
      return [{ criteria: EVERYONE, privilege: 'GET', access: 'Deny' }, ...DENY_CHANGES];
    }
  }
}

const DENY_CHANGES: readonly AclRule[] = ['POST', 'PUT', 'DELETE', 'PATCH'].map((privilege) => ({
  criteria: EVERYONE,
  privilege,
  access: 'Deny',
}));
