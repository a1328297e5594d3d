/**
 * The match of a route as a Lua condition, and the helper functions that such conditions use. The
 * helpers are written only when something uses them.
 */
import { luaPattern } from './glob.ts';
import { luaString } from './lua-text.ts';
import { listOf, mayOverwrite, meansAnyQueue, routingDomainsSet } from './match.ts';
import { levelOf } from './route.ts';
import type { Route } from './route.ts';

type Globs = string | readonly string[];

/** What a route is decided by, inside the function that asks; null when everything matches. */
export function luaCondition(route: Route, before: readonly Route[]): string {
  const terms = levelOf(route) === 'queue' ? queueTerms(route, before) : messageTerms(route);
  return terms.length === 0 ? 'true' : terms.join('\n    and ');
}

function queueTerms(route: Route, before: readonly Route[]): string[] {
  const { match } = route;
  const terms = [
    ...value('domain', match.domain),
    ...value('tenant', match.tenant),
    ...value('campaign', match.campaign),
    ...value('routing_domain', match.routingDomain),
    ...value('queue_name(domain, tenant, campaign, routing_domain)', match.queue),
  ];
  if (!meansAnyQueue(route)) terms.push('is_mail_domain(domain)');
  if (!mayOverwrite(route)) terms.push('routing_domain == nil');
  else
    for (const taken of new Set(routingDomainsSet(before)))
      terms.push(`routing_domain ~= ${luaString(taken)}`);
  return terms;
}

function messageTerms(route: Route): string[] {
  const { match } = route;
  const terms = [
    ...recipients('domain', match.domain),
    ...value("msg:get_meta('tenant')", match.tenant),
    ...value("msg:get_meta('campaign')", match.campaign),
    ...value('routing_domain', match.routingDomain),
    ...value('msg:queue_name()', match.queue),
    ...recipients('email', match.recipient),
    ...value('sender_of(msg)', match.sender),
    ...value('msg:sender().domain', match.senderDomain),
    ...Object.entries(match.header ?? {}).map(
      ([name, globs]) => `has_header(msg, ${luaString(name)}, ${patterns(globs)})`,
    ),
    ...Object.entries(match.meta ?? {}).flatMap(([name, globs]) =>
      value(`msg:get_meta(${luaString(name)})`, globs),
    ),
  ];
  if (!mayOverwrite(route)) terms.push('not is_set');
  return terms;
}

function value(expression: string, globs: Globs | undefined): string[] {
  return globs === undefined ? [] : [`matches(${expression}, ${patterns(globs)})`];
}

function recipients(field: 'domain' | 'email', globs: Globs | undefined): string[] {
  return globs === undefined
    ? []
    : [`every_recipient(msg, ${luaString(field)}, ${patterns(globs)})`];
}

function patterns(globs: Globs): string {
  return `{ ${listOf(globs)
    .map((glob) => `"${luaPattern(glob)}"`)
    .join(', ')} }`;
}

const HELPERS: Readonly<Record<string, string>> = {
  matches: `-- Whether a value fits one of the patterns; capital letters do not matter.
local function matches(value, patterns)
  if value == nil or type(value) == 'table' then
    return false
  end
  local text = tostring(value):lower()
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then
      return true
    end
  end
  return false
end`,
  every_recipient: `-- The recipients of a batch travel together: all of them have to fit.
local function every_recipient(msg, field, patterns)
  for _, recipient in ipairs(msg:recipient_list()) do
    if not matches(recipient[field], patterns) then
      return false
    end
  end
  return true
end`,
  sender_of: `local function sender_of(msg)
  local email = msg:sender().email
  if email == '' then
    return '<>'
  end
  return email
end`,
  has_header: `local function has_header(msg, name, patterns)
  for _, value in ipairs(msg:get_all_named_header_values(name)) do
    if matches(value, patterns) then
      return true
    end
  end
  return false
end`,
  queue_name: `local function queue_name(domain, tenant, campaign, routing_domain)
  local who = ''
  if campaign then
    who = campaign .. ':' .. (tenant or '') .. '@'
  elseif tenant then
    who = tenant .. '@'
  end
  return who .. domain .. (routing_domain and ('!' .. routing_domain) or '')
end`,
  queue_parts: `local function queue_parts(name)
  local left, right = name:match '^([^@]*)@(.*)$'
  right = right or name
  local campaign, tenant
  if left then
    campaign, tenant = left:match '^([^:]*):(.*)$'
    tenant = tenant or left
  end
  local domain, routing_domain = right:match '^([^!]*)!(.*)$'
  return domain or right, tenant, campaign, routing_domain
end`,
  is_mail_domain: `-- Wildcards do not reach the queues of hooks.
local function is_mail_domain(domain)
  if domain:sub(-9) == '.log_hook' then
    return false
  end
  return domain:find('.', 1, true) ~= nil
    or domain:sub(1, 1) == '['
    or domain == 'localhost'
end`,
};

/** The helpers that this text uses, directly or through one another, in order. */
export function helpersFor(text: string): string {
  const used: string[] = [];
  let all = text;
  for (const [name, source] of Object.entries(HELPERS).toReversed()) {
    if (!new RegExp(`(?<![:.\\w])${name}\\(`).test(all)) continue;
    used.unshift(source);
    all += source;
  }
  return used.map((source) => `${source}\n`).join('\n');
}
