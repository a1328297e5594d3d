/**
 * `kumo.spf.*` and `kumo.dmarc.*`: sender checks of a connection or of a message.
 *
 * Source: RFC 7208, RFC 7489; reference `lua-api.md` §3.18.
 */
import { splitIpPort } from '../../base/ip.ts';
import { addressHeader, singleMailbox } from '../../mail/address-list.ts';
import type { JsonValue } from '../../mail/json.ts';
import type { HostCall } from '../lua/host-function.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { ConnectionMetaObject } from './connection-meta.ts';
import { isAbsent } from './lua-data.ts';
import { checkDmarc, checkSpf } from './mail-auth.ts';
import type { AuthenticationResult } from './mail-auth.ts';
import { resultForLua, resultFromLua, resultsFromLua } from './mail-auth-lua.ts';
import { MessageObject } from './message-object.ts';

export function spfDmarcBindings(deps: BindingDeps): Bindings {
  const { resolver } = deps;
  const askSpf = async (get: (key: string) => JsonValue | undefined, sender: string) => {
    const meta = (key: string): string => {
      const value = get(key);
      return typeof value === 'string' ? value : '';
    };
    const peer = meta('received_from');
    const question = {
      ip: splitIpPort(peer)?.ip ?? peer,
      helo: meta('ehlo_domain'),
      hostname: meta('hostname'),
      sender,
    };
    return output(await checkSpf(question, resolver));
  };
  return {
    modules: [
      {
        path: ['kumo', 'spf'],
        functions: {
          check_host: {
            effect: 'network',
            signature: 'check_host(domain, conn_meta, sender?, resolver?) -> table',
            doc: 'Whether the SPF policy of a domain allows the peer of a connection.',
            run: (call) => {
              const { meta } = call.object(2, ConnectionMetaObject);
              return askSpf((key) => meta.get(key), call.optString(3) ?? call.string(1));
            },
          },
          check_msg: {
            effect: 'network',
            signature: 'check_msg(msg, resolver?) -> table',
            doc: 'Whether the SPF policy of the envelope sender allows the peer it came from.',
            run: (call) => {
              const { message } = call.object(1, MessageObject);
              const sender = message.sender.email || String(message.getMeta('ehlo_domain') ?? '');
              return askSpf((key) => message.getMeta(key), sender);
            },
          },
        },
      },
      {
        path: ['kumo', 'dmarc'],
        functions: {
          check_msg: {
            effect: 'network',
            signature:
              'check_msg(msg, dkim_results, resolver?, spf_result, use_reporting, info?) -> table',
            doc: 'Whether the DMARC policy of the From domain is met by earlier results.',
            run: async (call) => {
              const fromDomain = fromDomainOf(call);
              const dkim = resultsFromLua(call.value(2));
              const given = call.value(4);
              const spf = isAbsent(given) ? null : resultFromLua(given);
              return output(await checkDmarc({ fromDomain, dkim, spf }, resolver));
            },
          },
        },
      },
    ],
    types: [],
  };
}

function fromDomainOf(call: HostCall): string {
  const from = addressHeader(call.object(1, MessageObject).message.data, 'From');
  if (!from) throw new Error('Cannot check DMARC: the message has no From header');
  return singleMailbox(from).address.split('@').at(-1) ?? '';
}

function output(result: AuthenticationResult): LuaValue {
  return { disposition: result.result, result: resultForLua(result) };
}
