/**
 * Opens one candidate of a plan: connect, banner, EHLO, STARTTLS as the mode wants it, AUTH PLAIN.
 * A failure here is about the host, not about a message: the session goes on to the next one.
 *
 * Source: RFC 5321 §3.1-3.2, RFC 3207, RFC 4954; reference `queues-delivery.md` §5.4 (texts and the
 * matrix of TLS modes).
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Guard } from '../guard/guard.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { KeySource, TlsMode } from '../policy/settings.ts';
import { parseExtensions } from '../smtp/capabilities.ts';
import { formatPlain } from '../smtp/sasl.ts';
import type { SessionAddress, SmtpSessionSettings } from './deliverer.ts';
import { ClientError } from './smtp-client-error.ts';
import { SmtpConnection } from './smtp-connection.ts';
import { addressText, debugAddress } from './smtp-debug-text.ts';
import { dialCandidate, OpeningFailure } from './smtp-dial.ts';
import type { Candidate } from './smtp-plan.ts';
import { isValidTlsName, TlsFailure, upgradeToTls } from './smtp-tls.ts';
import type { SmtpTranscript } from './smtp-transcript.ts';

export interface OpeningDeps {
  /** Real time. */
  readonly clock: Clock;
  readonly guard: Guard;
  /** EHLO name when neither path nor source gives one. */
  readonly hostname: string;
  readonly readKey: (source: KeySource) => Promise<Uint8Array>;
  /** Authorities besides the usual ones, PEM. */
  readonly authorities?: readonly string[];
  /** Whether credentials may appear in error texts, as they do in KumoMTA's. */
  readonly secretsInErrors: boolean;
}

export interface OpenedConnection {
  readonly connection: SmtpConnection;
  readonly extensions: ReadonlyMap<string, string>;
  readonly tls: SessionAddress['tls'];
}

interface OpeningRequest {
  readonly candidate: Candidate;
  readonly settings: SmtpSessionSettings;
  readonly transcript: SmtpTranscript;
  /** `skip`: TLS is known to be broken there. */
  readonly tls: 'as-configured' | 'skip';
  readonly signal: AbortSignal;
  /** Told what is going on, for the window. */
  readonly onPhase: (phase: string) => void;
}

/** @throws {OpeningFailure} nothing is left open */
export async function openCandidate(
  deps: OpeningDeps,
  request: OpeningRequest,
): Promise<OpenedConnection> {
  return new Opening(deps, request).run();
}

/** One opening; lives until it succeeded or failed. */
class Opening {
  readonly #deps: OpeningDeps;
  readonly #request: OpeningRequest;
  readonly #where: string;
  readonly #target: string;
  #tls: SessionAddress['tls'] = null;
  #isVerified = false;

  constructor(deps: OpeningDeps, request: OpeningRequest) {
    this.#deps = deps;
    this.#request = request;
    const { address, port } = request.candidate;
    this.#where = addressText(address.ip, port);
    this.#target = `${debugAddress(address)}:${port}`;
  }

  async run(): Promise<OpenedConnection> {
    const { transcript, signal } = this.#request;
    this.#request.onPhase('connecting');
    const socket = await dialCandidate(this.#deps, this.#request);
    const connection = new SmtpConnection(socket, this.#deps.clock, transcript);
    transcript.note(`connected to ${this.#where}`);
    const onAbort = (): void => connection.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#readBanner(connection);
      let extensions = await this.#hello(connection, 'EHLO after banner');
      extensions = await this.#secure(connection, extensions);
      await this.#authenticate(connection);
      return { connection, extensions, tls: this.#tls };
    } catch (error) {
      connection.destroy();
      throw error instanceof OpeningFailure ? error : new OpeningFailure(toError(error).message);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #readBanner(connection: SmtpConnection): Promise<void> {
    this.#request.onPhase('banner');
    const context = `connect to ${this.#where} and read initial banner`;
    const banner = await within(`${context}: reading banner`, () =>
      connection.read(null, this.#request.settings.path.timeouts.bannerMs),
    );
    await within(context, async () => expectCode(banner, 220));
  }

  async #hello(connection: SmtpConnection, when: string): Promise<ReadonlyMap<string, string>> {
    const { path, source } = this.#request.settings;
    this.#request.onPhase('ehlo');
    const name = path.ehloDomain ?? source.ehloDomain ?? this.#deps.hostname;
    const command = `${path.useLmtp ? 'LHLO' : 'EHLO'} ${name}\r\n`;
    return within(`${this.#where}: ${when}`, async () => {
      await connection.write([command], path.timeouts.ehloMs);
      const reply = await connection.read(command, path.timeouts.ehloMs);
      expectCode(reply, 250);
      return parseExtensions(reply.text);
    });
  }

  /** STARTTLS as the mode wants it; the extensions that hold afterwards. */
  async #secure(
    connection: SmtpConnection,
    extensions: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, string>> {
    const mode = this.#request.settings.path.enableTls;
    if (mode === 'Disabled') return extensions;
    if (this.#request.tls === 'skip') {
      connection.note('STARTTLS left out: the handshake failed there before');
      return extensions;
    }
    if (!extensions.has('STARTTLS')) {
      if (isOpportunistic(mode)) return extensions;
      throw new OpeningFailure(
        `tls policy is ${mode} but STARTTLS is not advertised by ${this.#target}`,
      );
    }
    const failure = await this.#startTls(connection, mode);
    if (failure === null) return this.#hello(connection, 'EHLO after STARTTLS');
    const { opportunisticTlsReconnectOnFailedHandshake: reconnects } = this.#request.settings.path;
    if (mode !== 'OpportunisticInsecure' || reconnects) {
      const text = `TLS handshake with ${this.#target} failed: ${failure}`;
      throw new OpeningFailure(text, 'other', true);
    }
    connection.note(`TLS handshake failed: ${failure}; going on in the clear`);
    try {
      const when = `EHLO after OpportunisticInsecure STARTTLS handshake status: ${failure}`;
      return await this.#hello(connection, when);
    } catch (error) {
      throw new OpeningFailure(toError(error).message, 'insecure-starttls', true);
    }
  }

  /** Null when TLS is up, else why the handshake failed. */
  async #startTls(connection: SmtpConnection, mode: TlsMode): Promise<string | null> {
    const { settings, candidate } = this.#request;
    const { starttlsMs } = settings.path.timeouts;
    const { name } = candidate.address;
    this.#request.onPhase('starttls');
    await connection.write(['STARTTLS\r\n'], starttlsMs);
    expectCode(await connection.read('STARTTLS\r\n', starttlsMs), 220);
    if (connection.hasUnreadInput) {
      // RFC 3207 §6: what was said in the clear must not be taken for what TLS protects.
      throw new OpeningFailure(`${this.#where}: STARTTLS: the peer went on talking in the clear`);
    }
    if (!isValidTlsName(name))
      throw new OpeningFailure(`STARTTLS: ${name} is not a valid DNS name`);
    const clientCertificate = await this.#clientCertificate();
    const certificate = mode === 'Opportunistic' || mode === 'Required' ? 'verify' : 'any';
    try {
      const { info } = await connection.exchangeStream((socket) =>
        upgradeToTls(socket, {
          name,
          certificate,
          timeoutMs: starttlsMs,
          clock: this.#deps.clock,
          ...(this.#deps.authorities ? { authorities: this.#deps.authorities } : {}),
          ...(clientCertificate ? { clientCertificate } : {}),
          signal: this.#request.signal,
        }),
      );
      this.#tls = info;
      this.#isVerified = certificate === 'verify';
      connection.note(`${info.protocolVersion} with ${info.cipher}`);
      return null;
    } catch (error) {
      if (error instanceof TlsFailure) return error.message;
      throw error;
    }
  }

  async #clientCertificate(): Promise<{ cert: Uint8Array; key: Uint8Array } | null> {
    const { tlsCertificate, tlsPrivateKey } = this.#request.settings.path;
    if (tlsCertificate === null || tlsPrivateKey === null) return null;
    const [cert, key] = await Promise.all([
      this.#deps.readKey(tlsCertificate),
      this.#deps.readKey(tlsPrivateKey),
    ]);
    return { cert, key };
  }

  async #authenticate(connection: SmtpConnection): Promise<void> {
    const { path } = this.#request.settings;
    const username = path.smtpAuthPlainUsername;
    if (username === null) return;
    if (this.#tls === null && !path.allowSmtpAuthPlainWithoutTls) {
      const what = `TLS is not enabled and AUTH PLAIN is required. Skipping (${this.#target})`;
      throw new OpeningFailure(what);
    }
    const isTrusted = this.#tls === null || this.#isVerified;
    if (!isTrusted && !path.allowSmtpAuthPlainWithoutValidCertificate) {
      const what = `The certificate was not verified and AUTH PLAIN is required. Skipping (${this.#target})`;
      throw new OpeningFailure(what);
    }
    this.#request.onPhase('auth');
    const key = path.smtpAuthPlainPassword;
    const password = key === null ? '' : Buffer.from(await this.#deps.readKey(key)).toString();
    const response = formatPlain({ authz: '', authc: username, password });
    const command = `AUTH PLAIN ${response}\r\n`;
    const shown = 'AUTH PLAIN ••••\r\n';
    await within(`${this.#where}: AUTH PLAIN`, async () => {
      await connection.write([command], path.timeouts.authMs, [shown]);
      const inErrors = this.#deps.secretsInErrors ? command : shown;
      expectCode(await connection.read(inErrors, path.timeouts.authMs), 235);
    });
  }
}

function isOpportunistic(mode: TlsMode): boolean {
  return mode === 'Opportunistic' || mode === 'OpportunisticInsecure';
}

function expectCode(reply: SmtpReply, code: number): void {
  if (reply.code !== code) throw new ClientError({ kind: 'rejected', reply });
}

/** Puts a context before the message of whatever goes wrong. */
async function within<T>(context: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new OpeningFailure(`${context}: ${toError(error).message}`);
  }
}
