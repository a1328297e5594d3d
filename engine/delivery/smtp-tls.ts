/**
 * STARTTLS from the delivering side, after the peer's 220: the handshake, the certificate as the
 * mode wants it, what records say about the connection, and the words for failures.
 *
 * Source: RFC 3207; reference `queues-delivery.md` §5.4; error texts as rustls and webpki word them,
 * since that is what KumoMTA's records contain.
 */
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import type { X509Certificate } from 'node:crypto';
import { checkServerIdentity, connect, rootCertificates } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import type { SessionAddress } from './deliverer.ts';
import { systemErrorText } from './smtp-debug-text.ts';
import { TlsGate } from './smtp-tls-gate.ts';

interface TlsUpgradeOptions {
  /** Name of the plan entry: what the certificate must be for. */
  readonly name: string;
  /** `verify` refuses a certificate that is not good; `any` takes whatever is shown. */
  readonly certificate: 'verify' | 'any';
  readonly timeoutMs: number;
  /** Real time: timeouts, and the validity of certificates. */
  readonly clock: Clock;
  /** Authorities besides the usual ones, PEM. */
  readonly authorities?: readonly string[];
  /** Ours, when the peer wants to know who we are; PEM. */
  readonly clientCertificate?: { readonly cert: Uint8Array; readonly key: Uint8Array };
  readonly signal?: AbortSignal;
}

interface TlsUpgrade {
  readonly stream: TLSSocket;
  readonly info: NonNullable<SessionAddress['tls']>;
}

/** The handshake failed; `message` is rustls' reason. The plain socket may still be usable. */
export class TlsFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TlsFailure';
  }
}

/** KumoMTA cannot ask for a name that is none, such as a literal with its brackets. */
export function isValidTlsName(name: string): boolean {
  if (isIP(name) !== 0) return true;
  return /^(?=.{1,254}$)([a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?\.)*[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?\.?$/i.test(
    name,
  );
}

/** @throws {TlsFailure} */
export async function upgradeToTls(
  socket: Socket,
  options: TlsUpgradeOptions,
): Promise<TlsUpgrade> {
  const gate = new TlsGate(socket, options.certificate === 'verify' ? 'hold' : 'pass');
  const stream = connect(connectionOptions(gate, options));
  try {
    await handshake(stream, options);
    if (options.certificate === 'verify') {
      const problem = certificateProblem(stream, options);
      if (problem !== null) throw new TlsFailure(`invalid peer certificate: ${problem}`);
    }
    gate.release();
    return { stream, info: infoOf(stream) };
  } catch (error) {
    gate.detach();
    stream.on('error', () => {}).destroy();
    throw error;
  }
}

function connectionOptions(gate: TlsGate, options: TlsUpgradeOptions): ConnectionOptions {
  const host = withoutDot(options.name);
  return {
    socket: gate,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Looked at afterwards, in the order and with the words of KumoMTA.
    rejectUnauthorized: false,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(host, certificate),
    ...(options.authorities?.length ? { ca: [...rootCertificates, ...options.authorities] } : {}),
    ...(options.clientCertificate
      ? {
          cert: Buffer.from(options.clientCertificate.cert),
          key: Buffer.from(options.clientCertificate.key),
        }
      : {}),
  };
}

async function handshake(stream: TLSSocket, options: TlsUpgradeOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (error: Error | null): void => {
      timer.cancel();
      options.signal?.removeEventListener('abort', onAbort);
      stream.off('error', onError).off('close', onClose).off('secureConnect', onSecure);
      if (error === null) resolve();
      else reject(error);
    };
    const onSecure = (): void => settle(null);
    const onError = (error: Error): void => settle(new TlsFailure(handshakeErrorText(error)));
    const onClose = (): void => settle(new TlsFailure('tls handshake eof'));
    const onAbort = (): void => settle(new TlsFailure('the session was aborted'));
    const timer = options.clock.timer(options.timeoutMs, () =>
      settle(new TlsFailure('deadline has elapsed')),
    );
    options.signal?.addEventListener('abort', onAbort, { once: true });
    stream.on('error', onError).on('close', onClose).on('secureConnect', onSecure);
  });
}

/** Why the certificate is not good, in webpki's order and words; null when it is. */
function certificateProblem(stream: TLSSocket, options: TlsUpgradeOptions): string | null {
  if (stream.authorized) return null;
  const certificate = stream.getPeerX509Certificate();
  if (!certificate) return 'UnknownIssuer';
  return (
    validityProblem(certificate, options.clock) ??
    (certificate.ca ? 'Other(OtherError(CaUsedAsEndEntity))' : null) ??
    (isNameProblem(stream) ? nameProblem(certificate, withoutDot(options.name)) : 'UnknownIssuer')
  );
}

function validityProblem(certificate: X509Certificate, clock: Clock): string | null {
  const now = Math.floor(clock.now() / 1000);
  const from = Date.parse(certificate.validFrom) / 1000;
  const to = Date.parse(certificate.validTo) / 1000;
  const prefix = `verification time ${now} (UNIX), but certificate is not valid`;
  if (now < from) {
    return `certificate not valid yet: ${prefix} before ${from} (${from - now} seconds in future)`;
  }
  if (now > to) return `certificate expired: ${prefix} after ${to} (${now - to} seconds ago)`;
  return null;
}

function isNameProblem(stream: TLSSocket): boolean {
  return String(stream.authorizationError).includes('ERR_TLS_CERT_ALTNAME_INVALID');
}

function nameProblem(certificate: X509Certificate, name: string): string {
  const names = (certificate.subjectAltName ?? '').split(', ').flatMap((entry) => {
    const match = /^(DNS|IP Address):(.*)$/.exec(entry);
    if (!match) return [];
    return `${match[1] === 'DNS' ? 'DnsName' : 'IpAddress'}(${JSON.stringify(match[2])})`;
  });
  const last = names.pop();
  const what =
    last === undefined
      ? 'not valid for any names (according to its subjectAltName extension)'
      : `only valid for ${names.length > 0 ? `${names.join(', ')} or ` : ''}${last}`;
  return `certificate not valid for name ${JSON.stringify(name)}; certificate is ${what}`;
}

/** What records show; rustls marks the suites of TLS 1.3 and spells the version with underscores. */
function infoOf(stream: TLSSocket): TlsUpgrade['info'] {
  const protocol = stream.getProtocol() ?? 'unknown';
  const { standardName } = stream.getCipher();
  const subject = stream.getPeerX509Certificate()?.subject ?? '';
  return {
    cipher: protocol === 'TLSv1.3' ? standardName.replace(/^TLS_/, 'TLS13_') : standardName,
    protocolVersion: protocol.replace('.', '_'),
    peerSubjectName: subject === '' ? [] : subject.split('\n'),
  };
}

function handshakeErrorText(error: Error): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ECONNRESET' && /before secure TLS connection/.test(error.message)) {
    return 'tls handshake eof';
  }
  if (/ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|BAD_RECORD_TYPE)/.test(code)) {
    return 'received corrupt message of type InvalidContentType';
  }
  const alert = /alert number (\d+)/i.exec(error.message)?.[1];
  if (alert !== undefined) {
    return `received fatal alert: ${ALERTS[Number(alert)] ?? `Unknown(${alert})`}`;
  }
  return systemErrorText(error);
}

/** RFC 8446 §6. */
const ALERTS: Readonly<Record<number, string>> = {
  10: 'UnexpectedMessage',
  20: 'BadRecordMac',
  40: 'HandshakeFailure',
  42: 'BadCertificate',
  43: 'UnsupportedCertificate',
  44: 'CertificateRevoked',
  45: 'CertificateExpired',
  46: 'CertificateUnknown',
  47: 'IllegalParameter',
  48: 'UnknownCA',
  49: 'AccessDenied',
  50: 'DecodeError',
  51: 'DecryptError',
  70: 'ProtocolVersion',
  71: 'InsufficientSecurity',
  80: 'InternalError',
  112: 'UnrecognisedName',
  116: 'CertificateRequired',
  120: 'NoApplicationProtocol',
};

function withoutDot(name: string): string {
  return name.replace(/\.$/, '');
}
