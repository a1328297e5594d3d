/**
 * Access control lists: rules of criteria, privilege and access, and the walk from a resource to
 * the ones above it. The first rule that matches decides; without one, access is denied.
 *
 * Source: reference `http-logs-reception.md` §1.7; `lua-api.md` §3.20.
 */
import { CidrSet } from '../../base/cidr.ts';
import type { AuthInfo } from '../../mail/connection-meta.ts';
import type { JsonObject, JsonValue } from '../../mail/json.ts';

export interface AclRule {
  readonly criteria: Criteria;
  readonly privilege: string;
  readonly access: 'Allow' | 'Deny';
}

type Criteria =
  | { readonly kind: 'any' | 'all'; readonly of: readonly Criteria[] }
  | { readonly kind: 'not'; readonly of: Criteria }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'identity'; readonly name: string }
  | { readonly kind: 'context'; readonly name: string }
  | { readonly kind: 'machine'; readonly networks: CidrSet }
  | { readonly kind: 'everyone' | 'authenticated' | 'unauthenticated' };

/** @throws {Error} what is wrong with a rule */
export function parseRules(value: JsonValue): AclRule[] {
  if (!Array.isArray(value)) throw new Error('invalid type: expected a list of rules');
  return value.map((rule) => {
    const { criteria, privilege, access } = asObject(rule, 'rule');
    if (criteria === undefined) throw new Error('missing field `criteria`');
    if (privilege === undefined) throw new Error('missing field `privilege`');
    if (access === undefined) throw new Error('missing field `access`');
    if (access !== 'Allow' && access !== 'Deny') {
      throw new Error(`unknown variant \`${String(access)}\`, expected \`Allow\` or \`Deny\``);
    }
    if (typeof privilege !== 'string') throw new Error('invalid type: expected a string');
    return { criteria: parseCriteria(criteria), privilege, access };
  });
}

/** The rule as a definition writes it. */
export function ruleJson(rule: AclRule): JsonObject {
  const { criteria, privilege, access } = rule;
  return { criteria: criteriaJson(criteria), privilege, access };
}

function criteriaJson(criteria: Criteria): JsonValue {
  switch (criteria.kind) {
    case 'any':
      return { Any: criteria.of.map(criteriaJson) };
    case 'all':
      return { All: criteria.of.map(criteriaJson) };
    case 'not':
      return { Not: criteriaJson(criteria.of) };
    case 'group':
      return { Subject: { Group: criteria.name } };
    case 'identity':
      return { Subject: { Individual: criteria.name } };
    case 'context':
      return { Subject: { AuthContext: criteria.name } };
    case 'machine':
      return { Subject: { MachineSet: [...criteria.networks.entries] } };
    case 'everyone':
      return { Subject: 'Anonymous' };
    case 'authenticated':
      return { Subject: 'Authenticated' };
    case 'unauthenticated':
      return { Subject: 'Unauthenticated' };
  }
}

function parseCriteria(value: JsonValue): Criteria {
  if (value === 'Any' || value === 'Everyone' || value === 'Anonymous') return { kind: 'everyone' };
  if (value === 'AnyAuthenticated' || value === 'Authenticated') return { kind: 'authenticated' };
  if (value === 'Unauthenticated') return { kind: 'unauthenticated' };
  const [entry, ...more] = Object.entries(asObject(value, 'criteria'));
  if (!entry || more.length > 0) {
    throw new Error('invalid value: map, expected map with a single key');
  }
  const [kind, argument] = entry;
  switch (kind) {
    case 'Any':
    case 'All':
      if (!Array.isArray(argument)) throw new Error(`invalid type: ${kind} expects a list`);
      return { kind: kind === 'Any' ? 'any' : 'all', of: argument.map(parseCriteria) };
    case 'Not':
      return { kind: 'not', of: parseCriteria(argument) };
    case 'Subject':
      return parseCriteria(argument);
    case 'Group':
      return { kind: 'group', name: String(argument) };
    case 'Individual':
    case 'Identity':
      return { kind: 'identity', name: String(argument) };
    case 'Context':
    case 'AuthContext':
      return { kind: 'context', name: String(argument) };
    case 'Machine':
    case 'MachineSet': {
      const list = Array.isArray(argument) ? argument.map(String) : [String(argument)];
      return { kind: 'machine', networks: new CidrSet(list) };
    }
    default:
      throw new Error(
        `unknown variant \`${kind}\`, expected one of \`Any\`, \`All\`, \`Not\`, \`Subject\``,
      );
  }
}

function asObject(value: JsonValue, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Error(`invalid type: expected a table as ${what}`);
}

/** The first rule that decides about `privilege`, or `undefined`. */
export function decidingRule(
  rules: readonly AclRule[],
  privilege: string,
  auth: AuthInfo,
): AclRule | undefined {
  return rules.find((rule) => rule.privilege === privilege && holds(rule.criteria, auth));
}

function holds(criteria: Criteria, auth: AuthInfo): boolean {
  switch (criteria.kind) {
    case 'any':
      return criteria.of.some((each) => holds(each, auth));
    case 'all':
      return criteria.of.every((each) => holds(each, auth));
    case 'not':
      return !holds(criteria.of, auth);
    case 'group':
      return auth.groups.includes(criteria.name);
    case 'identity':
      return auth.identities.some(({ identity }) => identity === criteria.name);
    case 'context':
      return auth.identities.some(({ context }) => context === criteria.name);
    case 'machine':
      return auth.peerAddress !== null && criteria.networks.contains(auth.peerAddress);
    case 'everyone':
      return true;
    case 'authenticated':
      return auth.identities.length > 0;
    case 'unauthenticated':
      return auth.identities.length === 0;
  }
}

const PATH_LENGTH_MAX = 256;
const PATH_PARTS_MAX = 10;

/** The resources that rules for a URL may be written for, the most special first. */
export function httpResourceChain(listener: string, url: string): string[] {
  const path = URL.canParse(url) ? new URL(url).pathname : (url.split('?')[0] ?? '');
  const parts = path.slice(0, PATH_LENGTH_MAX).split('/').filter(Boolean).slice(0, PATH_PARTS_MAX);
  const below = (name: string): string[] =>
    Array.from({ length: parts.length + 1 }, (_, i) =>
      [`http_listener/${name}`, ...parts.slice(0, parts.length - i)].join('/'),
    );
  return [...below(listener), ...below('*').slice(0, -1), 'http_listener'];
}
