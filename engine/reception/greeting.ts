/**
 * The beginning of a session: who is connected, which parameters apply to them, whether the policy
 * lets them in, the banner. XCLIENT comes back here with new addresses.
 *
 * Source: reference of KumoMTA's connection phase; recorded order of calls.
 */
import { isLoopback } from '../guard/open-hosts.ts';
import { accept } from './server-reply.ts';
import type { ServerReply } from './server-reply.ts';
import { formatEndpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import type { Session } from './session.ts';
import { respond } from './respond.ts';

/** What is known of a connection as soon as it is there. */
export function introduce(session: Session): void {
  session.meta.set('reception_protocol', 'ESMTP');
  session.meta.set('received_via', formatEndpoint(session.local));
  session.meta.set('received_from', formatEndpoint(session.peer));
}

/** @param proxied addresses from a PROXY header; null when it named none */
export function greet(
  session: Session,
  proxied: { readonly source: Endpoint; readonly destination: Endpoint } | null = null,
): void | Promise<void> {
  const settled = proxied
    ? moveTo(session, { peer: proxied.source, local: proxied.destination })
    : settleParams(session);
  const isAsked = session.deps.events.has('smtp_server_connection_accepted');
  if (settled || isAsked) return admit(session, settled ?? Promise.resolve());
  session.trail.notHandled('smtp_server_connection_accepted');
  return respond(session, banner(session));
}

async function admit(session: Session, settled: Promise<void>): Promise<void> {
  let reply: ServerReply;
  try {
    await settled;
    const { events } = session.deps;
    if (!events.has('smtp_server_connection_accepted'))
      session.trail.notHandled('smtp_server_connection_accepted');
    await events.smtpServerConnectionAccepted(session.meta, session.trail);
    reply = banner(session);
  } catch (error) {
    // A refusal here replaces the banner and ends the session, whatever its code.
    reply = { ...session.replyTo(error), then: 'close' };
  }
  await respond(session, reply);
}

export function banner(session: Session): ServerReply {
  return accept(220, `${session.params.hostname} ${session.params.banner}`);
}

/**
 * The session goes on as if these were its addresses: PROXY and XCLIENT. Parameters are found
 * anew from the listener's settings.
 */
export function moveTo(
  session: Session,
  to: { readonly peer: Endpoint; readonly local: Endpoint },
): void | Promise<void> {
  session.meta.set('orig_received_from', formatEndpoint(session.peer));
  session.meta.set('orig_received_via', formatEndpoint(session.local));
  session.peer = to.peer;
  session.local = to.local;
  session.params = session.listener.settings.paramsFor(to.peer.ip, to.local.ip);
  return settleParams(session);
}

function settleParams(session: Session): void | Promise<void> {
  session.meta.set('received_via', formatEndpoint(session.local));
  session.meta.set('received_from', formatEndpoint(session.peer));
  publishParams(session);
  if (session.deps.events.has('smtp_server_get_dynamic_parameters')) return askParams(session);
  session.trail.notHandled('smtp_server_get_dynamic_parameters');
}

async function askParams(session: Session): Promise<void> {
  const { events } = session.deps;
  const listener = formatEndpoint(session.local);
  const override = await events.smtpServerGetDynamicParameters(
    listener,
    session.meta,
    session.trail,
  );
  if (!override) return;
  const { params, peer, local } = session;
  session.params = session.listener.settings.overlay(params, override, peer.ip, local.ip);
  publishParams(session);
}

function publishParams(session: Session): void {
  const { params, meta, peer, local } = session;
  meta.set('hostname', params.hostname);
  for (const [key, value] of Object.entries(params.meta)) meta.set(key, value);
  meta.authInfo.peerAddress = peer.ip;
  session.relayPeer = {
    ip: peer.ip,
    isRelayHost: params.relayHosts.contains(peer.ip),
    isOwnClient: session.mode.ownClientsRelay && isLoopback(peer.ip),
    listener: formatEndpoint(local),
  };
  session.connection.watchSilence(params.clientTimeoutMs);
}
