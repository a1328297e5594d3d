/**
 * EHLO and HELO. Neither is required, and neither resets a transaction: KumoMTA is as lax.
 *
 * Source: RFC 5321 §4.1.1.1; `smtp_server_ehlo`.
 */
import { offeredExtensions } from '../../smtp/capabilities.ts';
import { accept } from '../server-reply.ts';
import type { ServerReply } from '../server-reply.ts';
import type { Session } from '../session.ts';

interface Ehlo {
  readonly verb: 'EHLO' | 'HELO';
  readonly domain: string;
}

export function ehlo(session: Session, command: Ehlo): ServerReply | Promise<ServerReply> {
  const extensions = command.verb === 'EHLO' ? extensionsFor(session) : null;
  if (session.deps.events.has('smtp_server_ehlo')) return ask(session, command, extensions);
  session.trail.notHandled('smtp_server_ehlo');
  return greeted(session, command.domain, extensions);
}

async function ask(
  session: Session,
  { domain }: Ehlo,
  extensions: readonly string[] | null,
): Promise<ServerReply> {
  const { events } = session.deps;
  const replaced = await events.smtpServerEhlo(domain, session.meta, extensions, session.trail);
  return greeted(session, domain, extensions && (replaced ?? extensions));
}

function greeted(
  session: Session,
  domain: string,
  extensions: readonly string[] | null,
): ServerReply {
  const text = extensions
    ? [`${session.params.hostname} Aloha ${domain}`, ...extensions].join('\n')
    : `Hello ${domain}!`;
  return {
    ...accept(250, text),
    // The name counts from the reply on: a rewrite of that reply does not see it yet.
    afterwards: () => {
      session.ehlo = domain;
      session.meta.set('ehlo_domain', domain);
    },
  };
}

function extensionsFor(session: Session): string[] {
  const { params, mode, tls } = session;
  const friendly = mode.offerFriendlyAuth ? ['PLAIN', 'LOGIN'] : [];
  return offeredExtensions({
    startTls: tls === null && (mode.offerOwnCertificate || params.tlsCertificate !== null),
    authMechanisms: tls && friendly.length === 0 ? ['PLAIN'] : friendly,
    sizeMax: mode.advertiseSize ? params.maxMessageSize : null,
    allowXclient: params.allowXclient,
  });
}
