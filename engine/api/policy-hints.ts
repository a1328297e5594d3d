/**
 * What was wanted, where the text that KumoMTA raises does not say it. Shown beside the text, which
 * stays as it is.
 */
import { luaGroups } from '../policy/lua-reference.ts';
import { nearest } from '../search/nearest.ts';

const MAKERS: Readonly<Record<string, string>> = {
  QueueConfig: 'get_queue_config returns what kumo.make_queue_config { … } made',
  EgressPathConfig: 'get_egress_path_config returns what kumo.make_egress_path { … } made',
  EgressPool: 'get_egress_pool returns what kumo.make_egress_pool { … } made',
  EgressSource: 'get_egress_source returns what kumo.make_egress_source { … } made',
  ListenerDomain:
    'get_listener_domain returns what kumo.make_listener_domain { … } made, or nothing',
};

/** @returns null when the text says enough */
export function policyHint(raised: string): string | null {
  const [, type = ''] = /error converting Lua \w+ to (\w+)/.exec(raised) ?? [];
  if (MAKERS[type] !== undefined) return MAKERS[type];
  if (raised.includes('untagged enum DeliveryProto'))
    return 'protocol is one of: { smtp = { mx_list = { "host:port" } } }, { maildir_path = "…" }, { custom_lua = { constructor = "…" } }';
  const [, event] = /Event (\w+) has not been registered/.exec(raised) ?? [];
  if (event !== undefined)
    return `kumo.on('${event}', …) has to answer for every name but the default one`;
  const [, call] =
    /attempt to call a nil value \((?:method|field) '(\w+)'\)/.exec(raised) ??
    /attempt to get an unknown field '(\w+)'/.exec(raised) ??
    [];
  return call === undefined ? null : meantBy(call);
}

let names: readonly string[] | null = null;

function meantBy(typed: string): string | null {
  names ??= [
    ...new Set(
      luaGroups().flatMap(({ entries, fields }) => [...entries.map(({ name }) => name), ...fields]),
    ),
  ].map((name) => name.replace(/^.*[.:]/, ''));
  const [meant] = nearest(typed, names);
  return meant === undefined || meant === typed ? null : `did you mean ${meant}?`;
}
