/**
 * Whether a client may send to a recipient: by its own address, by the sender's domain, or because
 * the recipient's domain is open. The same answer says what becomes of reports to that domain.
 *
 * Listener domains are asked for once per session and domain, "no such domain" included; a bounded
 * number is remembered.
 *
 * Source: `get_listener_domain`, `relay_hosts`; recorded order of calls of KumoMTA.
 */
import { LISTENER_DOMAINS_MAX } from '../base/limits.ts';
import type { ConnectionMeta } from '../mail/connection-meta.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import { PolicyError, PolicyReject } from '../policy/events.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { ListenerDomain, LogDispositionMode } from '../policy/settings.ts';
import { listenerDomainCall } from './trace-hub.ts';
import type { Trail } from './trail.ts';

export interface RelayDecision {
  readonly mayRelay: boolean;
  readonly logArf: LogDispositionMode;
  readonly logOob: LogDispositionMode;
  /** Only the ordinary listener lets it relay: KumoMTA, with this policy, would not. */
  readonly isFriendly: boolean;
}

/** Who asks, as far as relaying is concerned. XCLIENT can change it within a session. */
export interface RelayPeer {
  readonly ip: string;
  /** It is in the listener's `relay_hosts`. */
  readonly isRelayHost: boolean;
  /** It may relay whatever the policy says; see `ReceptionMode.ownClientsRelay`. */
  readonly isOwnClient: boolean;
  /** The listener's name in `get_listener_domain`. */
  readonly listener: string;
}

export class RelayCheck {
  readonly #events: PolicyEvents;
  readonly #meta: ConnectionMeta;
  readonly #trail: Trail;
  readonly #unasked = new Set<string>();
  readonly #domains = new Map<string, ListenerDomain | null>();

  constructor(events: PolicyEvents, meta: ConnectionMeta, trail: Trail) {
    this.#events = events;
    this.#meta = meta;
    this.#trail = trail;
  }

  /** Answers at once when the policy has no `get_listener_domain`. */
  decide(
    peer: RelayPeer,
    sender: EnvelopeAddress,
    recipient: EnvelopeAddress,
  ): RelayDecision | Promise<RelayDecision> {
    if (this.#events.has('get_listener_domain')) return this.#ask(peer, sender, recipient);
    for (const { domain } of [sender, recipient]) this.#noteUnasked(domain);
    return decisionFor(peer, peer.isRelayHost, null);
  }

  /** Once per domain, as a handler would have been called. */
  #noteUnasked(domain: string): void {
    if (this.#unasked.has(domain)) return;
    if (this.#unasked.size >= LISTENER_DOMAINS_MAX) this.#unasked.clear();
    this.#unasked.add(domain);
    this.#trail.notHandled(listenerDomainCall(domain));
  }

  async #ask(
    peer: RelayPeer,
    sender: EnvelopeAddress,
    recipient: EnvelopeAddress,
  ): Promise<RelayDecision> {
    const from = await this.#domain(peer, sender.domain);
    const to = await this.#domain(peer, recipient.domain);
    const mayRelay =
      peer.isRelayHost || (from?.relayFrom.contains(peer.ip) ?? false) || (to?.relayTo ?? false);
    return decisionFor(peer, mayRelay, to);
  }

  async #domain(peer: RelayPeer, domain: string): Promise<ListenerDomain | null> {
    const known = this.#domains.get(domain);
    if (known !== undefined) return known;
    const answer = await this.#events
      .getListenerDomain(domain, peer.listener, this.#meta, this.#trail)
      .catch((error: unknown) => {
        // A reject is not honoured here: the client sees an internal error.
        throw error instanceof PolicyReject
          ? new PolicyError(error.message, { event: 'get_listener_domain', cause: error })
          : error;
      });
    const [oldest] = this.#domains.keys();
    if (this.#domains.size >= LISTENER_DOMAINS_MAX && oldest !== undefined) {
      this.#domains.delete(oldest);
    }
    this.#domains.set(domain, answer);
    return answer;
  }
}

/** @param mayRelay as the policy has it */
function decisionFor(
  { isOwnClient }: RelayPeer,
  mayRelay: boolean,
  to: ListenerDomain | null,
): RelayDecision {
  return {
    mayRelay: mayRelay || isOwnClient,
    logArf: to?.logArf ?? 'Ignore',
    logOob: to?.logOob ?? 'Ignore',
    isFriendly: isOwnClient && !mayRelay,
  };
}
