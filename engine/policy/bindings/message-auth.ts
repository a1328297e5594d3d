/**
 * Message methods on signatures and authentication results.
 *
 * Source: reference `lua-api.md` §3.18, §4.1.
 */
import { prependHeader } from '../../mail/header.ts';
import type { CoreDeps } from './core-deps.ts';
import { PolicySigner } from './dkim.ts';
import { authenticationResultsText, sealArc, verifyArc, verifyDkim } from './mail-auth.ts';
import { resultForLua, resultsFromLua } from './mail-auth-lua.ts';
import { method, type MessageMethods } from './message-object.ts';

export function authMethods(deps: CoreDeps): MessageMethods {
  const { resolver, mailClock } = deps;
  return {
    dkim_sign: method('write', 'dkim_sign(signer)', 'Adds a DKIM signature.', (m, call) => {
      m.data = call.object(1, PolicySigner).sign(m.data, mailClock.now());
      return undefined;
    }),
    dkim_verify: method(
      'network',
      'dkim_verify(resolver?) -> array',
      'Checks the DKIM signatures.',
      async (m) => {
        const results = await verifyDkim(m.data, resolver, mailClock.now());
        return results.map(resultForLua);
      },
    ),
    arc_verify: method(
      'network',
      'arc_verify(resolver?) -> table',
      'Checks the ARC chain.',
      async (m) => resultForLua(await verifyArc(m.data, resolver, mailClock.now())),
    ),
    arc_seal: method(
      'network',
      'arc_seal(signer, serv_id, results, resolver?)',
      'Adds an ARC set.',
      async (m, call) => {
        const { signer } = call.object(1, PolicySigner);
        const results = resultsFromLua(call.value(3));
        const now = mailClock.now();
        m.data = await sealArc(m.data, signer, call.string(2), results, resolver, now);
        return undefined;
      },
    ),
    add_authentication_results: method(
      'write',
      'add_authentication_results(serv_id, results)',
      'Adds an Authentication-Results header.',
      (m, call) => {
        const text = authenticationResultsText(call.string(1), resultsFromLua(call.value(2)));
        m.data = prependHeader(m.data, 'Authentication-Results', text, 'encode');
        return undefined;
      },
    ),
  };
}
