/**
 * Connects to one candidate of a plan through the guard, and says why it could not in KumoMTA's
 * words.
 *
 * Source: reference `queues-delivery.md` §5.4.
 */
import type { Socket } from 'node:net';
import { toError } from '../base/assert.ts';
import { parseIp } from '../base/ip.ts';
import { debugDuration } from '../base/rust-duration.ts';
import { DialTimeout } from '../guard/dial.ts';
import { GuardRefusal } from '../guard/guard.ts';
import type { Guard } from '../guard/guard.ts';
import type { SmtpSessionSettings } from './deliverer.ts';
import { addressText, debugOption, systemErrorText } from './smtp-debug-text.ts';
import type { Candidate } from './smtp-plan.ts';

/** Why a candidate could not be used. `message` is its part of the record's text. */
export class OpeningFailure extends Error {
  /** Decides the summary when every candidate failed the same way. */
  readonly kind: 'guard' | 'unplumbed-source' | 'insecure-starttls' | 'other';
  /** A TLS handshake failed: worth remembering, or trying again without. */
  readonly brokeTls: boolean;

  constructor(message: string, kind: OpeningFailure['kind'] = 'other', brokeTls = false) {
    super(message);
    this.name = 'OpeningFailure';
    this.kind = kind;
    this.brokeTls = brokeTls;
  }
}

/** @throws {OpeningFailure} refused by the guard or the peer, no answer in time, no such source address */
export async function dialCandidate(
  deps: { readonly guard: Guard },
  request: {
    readonly candidate: Candidate;
    readonly settings: SmtpSessionSettings;
    readonly signal: AbortSignal;
  },
): Promise<Socket> {
  const { address, port } = request.candidate;
  const { source, path } = request.settings;
  const { connectMs } = path.timeouts;
  const where = addressText(address.ip, port);
  const context = `connect to ${where} and read initial banner: `;
  // A unix socket has no address of ours.
  const local = address.ip.startsWith('/') ? null : source.sourceAddress;
  if (local !== null && parseIp(local)?.bits !== parseIp(address.ip)?.bits) {
    const what = `source address ${local} is of another family than ${where}`;
    throw new OpeningFailure(context + what);
  }
  try {
    return await deps.guard.dial({
      kind: 'smtp',
      address: address.ip,
      port,
      host: hostOf(address.name),
      ...(local === null ? {} : { localAddress: local }),
      timeoutMs: connectMs,
      signal: request.signal,
    });
  } catch (thrown) {
    const error = toError(thrown);
    if (error instanceof GuardRefusal) throw new OpeningFailure(error.message, 'guard');
    if (error instanceof DialTimeout) {
      const what = `timeout after ${debugDuration(connectMs)} while connecting to`;
      throw new OpeningFailure(`${context}${what} ${where} ${debugOption(local)}`);
    }
    const why = systemErrorText(error);
    if ((error as NodeJS.ErrnoException).syscall === 'bind') {
      const what = `bind ${local} for ${source.name} failed: ${why} while attempting to connect to`;
      throw new OpeningFailure(`${context}${what} ${where}`, 'unplumbed-source');
    }
    const what = `failed to connect to ${where} ${debugOption(local)}: ${why}`;
    throw new OpeningFailure(context + what);
  }
}

/** `mx.example.com.` and `[10.0.0.1]` as a user would open them. */
function hostOf(name: string): string {
  return name.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}
