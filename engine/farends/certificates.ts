/**
 * The certificates that far ends show after STARTTLS: a good one for whatever name the client asks
 * for, signed by the workspace's own authority, and the usual broken ones. The authority is kept in
 * a folder and the engine's delivering client trusts it; everything else is made when it is needed.
 *
 * Source: RFC 5280 §4.1.2.5, RFC 6066 §3, RFC 8996.
 */
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import type { TlsKind } from './far-end-schema.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

interface Wish {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly signedBy: Pair | null;
  readonly isAuthority: boolean;
}

/** What the SMTP server package takes for a kind. */
interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly minVersion?: 'TLSv1' | 'TLSv1.2';
  readonly maxVersion?: 'TLSv1.1';
  readonly ciphers?: string;
  readonly SNICallback?: (
    name: string,
    callback: (error: Error | null, context?: SecureContext) => void,
  ) => void;
}

const DAY_MS = 24 * 3_600_000;
const NAMES_MAX = 100;
const WRONG_NAME = 'somebody-else.invalid';

export class FarEndCertificates {
  readonly #folder: string | null;
  readonly #clock: Clock;
  readonly #contexts = new Map<string, Promise<SecureContext>>();
  #authority: Promise<Pair> | null = null;

  /** @param folder where the authority is kept; null keeps it in memory. @param clock the real one */
  constructor(folder: string | null, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** PEM of the authority that signs the good certificates. */
  async authority(): Promise<string> {
    return (await this.#getAuthority()).cert;
  }

  /** @param hostname of the far end, for clients that ask for no name */
  async optionsFor(kind: Exclude<TlsKind, 'none'>, hostname: string): Promise<TlsOptions> {
    const now = this.#clock.now();
    const authority = await this.#getAuthority();
    const usual: Wish = {
      name: hostname,
      fromMs: now - DAY_MS,
      toMs: now + 365 * DAY_MS,
      signedBy: authority,
      isAuthority: false,
    };
    switch (kind) {
      case 'good':
        return { ...(await make(usual)), SNICallback: (name, done) => this.#forName(name, done) };
      case 'self-signed':
        return make({ ...usual, signedBy: null });
      case 'expired':
        return make({ ...usual, fromMs: now - 400 * DAY_MS, toMs: now - 2 * DAY_MS });
      case 'wrong-name':
        return make({ ...usual, name: WRONG_NAME });
      case 'old-protocol':
        return {
          ...(await make(usual)),
          minVersion: 'TLSv1',
          maxVersion: 'TLSv1.1',
          ciphers: 'DEFAULT@SECLEVEL=0',
        };
    }
  }

  #forName(name: string, done: (error: Error | null, context?: SecureContext) => void): void {
    if (name === '') return done(null);
    const known = this.#contexts.get(name) ?? this.#makeContext(name);
    if (this.#contexts.size < NAMES_MAX) this.#contexts.set(name, known);
    known.then(
      (context) => done(null, context),
      (error: unknown) => done(error as Error),
    );
  }

  async #makeContext(name: string): Promise<SecureContext> {
    const now = this.#clock.now();
    const signedBy = await this.#getAuthority();
    const wish = { name, fromMs: now - DAY_MS, toMs: now + 365 * DAY_MS, isAuthority: false };
    return createSecureContext(await make({ ...wish, signedBy }));
  }

  #getAuthority(): Promise<Pair> {
    this.#authority ??= this.#readOrMakeAuthority();
    return this.#authority;
  }

  async #readOrMakeAuthority(): Promise<Pair> {
    const now = this.#clock.now();
    const kept = await this.#readAuthority();
    if (kept && Date.parse(new X509Certificate(kept.cert).validTo) > now + 30 * DAY_MS) return kept;
    const authority = await make({
      name: 'Postyard far ends',
      fromMs: now - DAY_MS,
      toMs: now + 10 * 365 * DAY_MS,
      signedBy: null,
      isAuthority: true,
    });
    if (this.#folder === null) return authority;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = this.#file(this.#folder);
    await writeFile(`${file}.new`, `${authority.key.trim()}\n${authority.cert.trim()}\n`, {
      mode: 0o600,
    });
    await rename(`${file}.new`, file);
    return authority;
  }

  async #readAuthority(): Promise<Pair | null> {
    if (this.#folder === null) return null;
    const text = await readFile(this.#file(this.#folder), 'utf8').catch(() => '');
    const blocks = text.match(/-----BEGIN [A-Z ]+-----[\s\S]+?-----END [A-Z ]+-----/g) ?? [];
    const key = blocks.find((block) => block.includes('PRIVATE KEY'));
    const cert = blocks.find((block) => block.includes('CERTIFICATE'));
    return key && cert ? { key, cert } : null;
  }

  #file(folder: string): string {
    return join(folder, 'far-ends-authority.pem');
  }
}

async function make(wish: Wish): Promise<Pair> {
  // Loaded on first use: most engines never make a certificate, and it takes a moment.
  const { generate } = await import('selfsigned');
  const isIp = parseIp(wish.name) !== undefined;
  const isWrong = wish.name === WRONG_NAME;
  const pems = await generate([{ name: 'commonName', value: wish.name }], {
    keyType: 'rsa',
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date(wish.fromMs),
    notAfterDate: new Date(wish.toMs),
    extensions: [
      { name: 'basicConstraints', cA: wish.isAuthority, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: wish.isAuthority },
      {
        name: 'subjectAltName',
        altNames: [
          isIp ? { type: 7, ip: wish.name } : { type: 2, value: wish.name },
          ...(isWrong
            ? []
            : ([
                { type: 2, value: 'localhost' },
                { type: 7, ip: '127.0.0.1' },
              ] as const)),
        ],
      },
    ],
    ...(wish.signedBy && { ca: wish.signedBy }),
  });
  return { cert: pems.cert, key: pems.private };
}
