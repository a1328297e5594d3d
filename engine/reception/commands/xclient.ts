/**
 * XCLIENT: a trusted proxy says whom it speaks for. The session goes on with those addresses and
 * the parameters that belong to them, and greets again.
 *
 * Source: Postfix XCLIENT howto; recorded replies of KumoMTA.
 */
import { formatIp, parseIp } from '../../base/ip.ts';
import type { XclientParam } from '../../smtp/command-line.ts';
import type { Endpoint } from '../endpoint.ts';
import { banner, moveTo } from '../greeting.ts';
import { refuse } from '../server-reply.ts';
import type { ServerReply } from '../server-reply.ts';
import type { Session } from '../session.ts';

export function xclient(
  session: Session,
  command: { readonly params: readonly XclientParam[] },
): ServerReply | Promise<ServerReply> {
  if (!session.params.allowXclient) return refuse(550, 'insufficient authorization', null);
  if (session.transaction) return refuse(503, 'mail transaction in progress', null);
  let { peer, local } = session;
  for (const { name, value } of command.params) {
    const moved = apply(name.toUpperCase(), value, { peer, local });
    if (moved === 'unsupported') return refuse(501, `parameter ${name} is not supported`, null);
    if (moved === 'invalid') {
      return refuse(501, `${name.toUpperCase()} ${value} is invalid`, null);
    }
    ({ peer, local } = moved);
  }
  const settled = moveTo(session, { peer, local });
  return settled ? settled.then(() => banner(session)) : banner(session);
}

interface Addresses {
  readonly peer: Endpoint;
  readonly local: Endpoint;
}

function apply(name: string, value: string, at: Addresses): Addresses | 'invalid' | 'unsupported' {
  switch (name) {
    case 'ADDR':
    case 'DESTADDR': {
      const ip = parseIp(value.replace(/^IPV6:/i, ''));
      if (!ip) return 'invalid';
      return name === 'ADDR'
        ? { ...at, peer: { ...at.peer, ip: formatIp(ip) } }
        : { ...at, local: { ...at.local, ip: formatIp(ip) } };
    }
    case 'PORT':
    case 'DESTPORT': {
      const port = /^\d{1,5}$/.test(value) ? Number(value) : 65_536;
      if (port > 65_535) return 'invalid';
      return name === 'PORT'
        ? { ...at, peer: { ...at.peer, port } }
        : { ...at, local: { ...at.local, port } };
    }
    default:
      return 'unsupported';
  }
}
