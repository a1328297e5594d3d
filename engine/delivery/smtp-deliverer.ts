/**
 * Makes SMTP sessions for ready queues: the one `SmtpDeliverer` of the engine, with what all
 * sessions share.
 */
import type { Clock } from '../base/clock.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { DeliverySession, SmtpDeliverer, SmtpSessionSettings } from './deliverer.ts';
import { BrokenTlsMemory } from './smtp-broken-tls.ts';
import { SmtpSession } from './smtp-session.ts';
import type { SmtpSessionDeps } from './smtp-session.ts';

export interface SmtpDelivererDeps extends Omit<
  SmtpSessionDeps,
  'brokenTls' | 'bounceClass' | 'secretsInErrors'
> {
  /** Virtual time: lifetimes that the policy sets. */
  readonly mailClock: Clock;
  /** What the bounce classifier says of a reply; left out when none is configured. */
  readonly bounceClass?: (reply: SmtpReply) => string;
}

export class SmtpClientDeliverer implements SmtpDeliverer {
  readonly #deps: SmtpSessionDeps;

  constructor(deps: SmtpDelivererDeps) {
    this.#deps = {
      ...deps,
      bounceClass: deps.bounceClass ?? ((): string => 'Uncategorized'),
      brokenTls: new BrokenTlsMemory(deps.mailClock),
      // KumoMTA's records contain a refused AUTH command as it was sent.
      secretsInErrors: deps.isStrict,
    };
  }

  open(settings: SmtpSessionSettings): DeliverySession {
    return new SmtpSession({ ...settings, reachesLoopback: !this.#deps.isStrict }, this.#deps);
  }
}
