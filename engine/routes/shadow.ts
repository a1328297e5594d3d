/**
 * Routes that can never match, and routes that contradict each other: what the list marks before
 * anybody wonders. Pure and careful: it says "shadowed" only when an earlier enabled route surely
 * matches everything.
 */
import { globCovers, globsMeet } from './glob.ts';
import { listOf, matchText, mayOverwrite } from './match.ts';
import type { Route, RouteMatch } from './route.ts';
import { targetText } from './route.ts';

export interface RouteTrouble {
  readonly kind: 'shadowed' | 'conflict';
  /** The other route. */
  readonly by: string;
  readonly text: string;
}

type Globs = string | readonly string[];

/** Per route name; a route without trouble is absent. */
export function troublesOf(routes: readonly Route[]): ReadonlyMap<string, RouteTrouble> {
  const found = new Map<string, RouteTrouble>();
  for (const [index, route] of routes.entries()) {
    if (!route.enabled) continue;
    const trouble = troubleOf(route, index, routes);
    if (trouble !== null) found.set(route.name, trouble);
  }
  return found;
}

function troubleOf(route: Route, index: number, routes: readonly Route[]): RouteTrouble | null {
  const earlier = routes.slice(0, index).filter(({ enabled }) => enabled);
  const shadow = earlier.find((other) => covers(other, route));
  if (shadow !== undefined) {
    const text = `Route ${index + 1} is never reached: route ${routes.indexOf(shadow) + 1} matches everything it matches`;
    return { kind: 'shadowed', by: shadow.name, text };
  }
  const rival = earlier.find((other) => meets(other.match, route.match) && differ(other, route));
  if (rival === undefined) return null;
  const first = routes.indexOf(rival) + 1;
  return {
    kind: 'conflict',
    by: rival.name,
    text: `Routes ${first} and ${index + 1} both match some mail (${matchText(rival.match)}; ${matchText(route.match)}): route ${first} wins`,
  };
}

function differ(a: Route, b: Route): boolean {
  return targetText(a) !== targetText(b);
}

function covers(wide: Route, narrow: Route): boolean {
  if (mayOverwrite(narrow) && !mayOverwrite(wide)) return false;
  const [w, n] = [fieldsOf(wide.match), fieldsOf(withImplied(narrow.match))];
  for (const [key, globs] of w) {
    if (isEverything(key, globs)) continue;
    const given = n.get(key);
    if (given === undefined || !coversAll(globs, given)) return false;
  }
  return true;
}

/** Domains are always there; a star for anything else still wants the thing to be there. */
function isEverything(key: string, globs: Globs): boolean {
  const isAlways = ['recipient', 'domain', 'sender', 'senderDomain', 'queue'].includes(key);
  return isAlways && listOf(globs).includes('*');
}

function coversAll(wide: Globs, narrow: Globs): boolean {
  return listOf(narrow).every((one) => listOf(wide).some((glob) => globCovers(glob, one)));
}

/** What an address says about its domain. */
function withImplied(match: RouteMatch): RouteMatch {
  const domain = match.domain ?? domainsOf(match.recipient);
  const senderDomain = match.senderDomain ?? domainsOf(match.sender);
  return {
    ...match,
    ...(domain !== undefined && { domain }),
    ...(senderDomain !== undefined && { senderDomain }),
  };
}

function domainsOf(globs: Globs | undefined): string[] | undefined {
  if (globs === undefined) return undefined;
  const domains = listOf(globs).map((glob) => glob.slice(glob.lastIndexOf('@') + 1));
  return listOf(globs).every((glob) => glob.includes('@')) ? domains : undefined;
}

/** The same fields, and globs that meet: neither is the special case of the other's topic. */
function meets(a: RouteMatch, b: RouteMatch): boolean {
  const [one, other] = [fieldsOf(a), fieldsOf(b)];
  if (one.size === 0 || one.size !== other.size) return false;
  for (const [key, globs] of one) {
    const given = other.get(key);
    if (given === undefined) return false;
    if (coversAll(given, globs)) continue;
    const isMeeting = listOf(globs).some((x) => listOf(given).some((y) => globsMeet(x, y)));
    if (!isMeeting) return false;
  }
  return ![...one].every(([key, globs]) => coversAll(other.get(key) ?? [], globs));
}

function fieldsOf(match: RouteMatch): ReadonlyMap<string, Globs> {
  const fields = new Map<string, Globs>();
  const { header = {}, meta = {}, ...plain } = match;
  for (const [key, globs] of Object.entries(plain)) if (globs !== undefined) fields.set(key, globs);
  for (const [name, globs] of Object.entries(header))
    fields.set(`header ${name.toLowerCase()}`, globs);
  for (const [name, globs] of Object.entries(meta)) fields.set(`meta ${name}`, globs);
  return fields;
}
