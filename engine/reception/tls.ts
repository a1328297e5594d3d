/**
 * TLS of a listener: which certificate, and what a session says about an encrypted connection.
 *
 * Contexts are kept by the content of their files, which are read anew for each STARTTLS: a
 * renewed certificate is used without a restart.
 */
import { createHash } from 'node:crypto';
import { createSecureContext, createServer, TLSSocket } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Socket } from 'node:net';
import type { EsmtpListenerParams, KeySource } from '../policy/settings.ts';
import type { CertificateFolder } from './certificate.ts';

export interface TlsFacts {
  /** As rustls names them in KumoMTA's records: `TLSv1_3`. */
  readonly version: string;
  /** `TLS13_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** Of the client's certificate; empty without one. */
  readonly peerSubject: readonly string[];
}

export interface ServerTls {
  readonly context: SecureContext;
  /** Set when clients must show a certificate that this authority signed. */
  readonly clientAuthority: {
    readonly key: string;
    readonly cert: string;
    readonly ca: string;
  } | null;
}

/** Contexts in memory; the oldest goes. A policy with more certificates than this pays for it. */
const CONTEXTS_MAX = 64;

export class TlsContexts {
  readonly #certificates: CertificateFolder;
  readonly #load: (source: KeySource) => Promise<Uint8Array>;
  readonly #contexts = new Map<string, SecureContext>();

  constructor(certificates: CertificateFolder, load: (source: KeySource) => Promise<Uint8Array>) {
    this.#certificates = certificates;
    this.#load = load;
  }

  /** @throws {Error} a file cannot be read or is not a certificate or key */
  async contextFor(params: EsmtpListenerParams): Promise<ServerTls> {
    const { key, cert } = await this.identity(params);
    const ca = params.tlsRequiredClientCa ? await this.#text(params.tlsRequiredClientCa) : null;
    const digest = createHash('sha256')
      .update(JSON.stringify([key, cert, ca]))
      .digest('hex');
    let context = this.#contexts.get(digest);
    if (!context) {
      context = createSecureContext({ key, cert, ...(ca === null ? {} : { ca }) });
      const [oldest] = this.#contexts.keys();
      if (this.#contexts.size >= CONTEXTS_MAX && oldest) this.#contexts.delete(oldest);
      this.#contexts.set(digest, context);
    }
    return { context, clientAuthority: ca === null ? null : { key, cert, ca } };
  }

  /** What a listener shows: its own certificate, else the self-signed one of its name. */
  async identity(
    params: Pick<EsmtpListenerParams, 'tlsCertificate' | 'tlsPrivateKey' | 'hostname'>,
  ): Promise<{ key: string; cert: string }> {
    const { tlsCertificate, tlsPrivateKey, hostname } = params;
    if (!tlsCertificate || !tlsPrivateKey) return this.#certificates.get(hostname);
    return { cert: await this.#text(tlsCertificate), key: await this.#text(tlsPrivateKey) };
  }

  async #text(source: KeySource): Promise<string> {
    return Buffer.from(await this.#load(source)).toString('utf8');
  }
}

/**
 * The server's side of a handshake on a connected socket.
 *
 * @throws {Error} it failed, or the client's certificate did not satisfy us; the socket is of no
 *   more use
 */
export function shakeHands(raw: Socket, tls: ServerTls): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    raw.once('close', () => reject(new Error('Connection closed during the TLS handshake')));
    if (tls.clientAuthority) {
      // Only a server checks certificates; it is handed this one connection.
      const server = createServer({ ...tls.clientAuthority, requestCert: true });
      server.once('secureConnection', (secure) => {
        secure.on('error', reject);
        resolve(secure);
      });
      server.once('tlsClientError', reject);
      server.emit('connection', raw);
      return;
    }
    const secure = new TLSSocket(raw, { isServer: true, secureContext: tls.context });
    // It stays: an error right after the handshake must find a listener too.
    secure.on('error', reject);
    secure.once('secure', () => resolve(secure));
  });
}

/** @param socket after its handshake */
export function tlsFacts(socket: TLSSocket): TlsFacts {
  const version = (socket.getProtocol() ?? 'unknown').replace('.', '_');
  const { standardName } = socket.getCipher();
  const cipher = version === 'TLSv1_3' ? standardName.replace(/^TLS_/, 'TLS13_') : standardName;
  const subject = socket.getPeerCertificate().subject as unknown as
    Readonly<Record<string, string | string[]>> | undefined;
  const peerSubject = Object.entries(subject ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}=${one}`),
  );
  return { version, cipher, peerSubject };
}
