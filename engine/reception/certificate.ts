/**
 * The certificate of a listener that names none: self-signed for its host name, made on first use
 * and kept in a folder, so that a client that was told to trust it keeps trusting it.
 */
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 24 * 3600 * 1000;
const VALID_DAYS = 825;
/** A certificate with less time left than this is replaced. */
const RENEW_DAYS = 7;

export class CertificateFolder {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #made = new Map<string, Promise<Certificate>>();

  /** @param clock the real one: validity is checked by clients with their own clocks */
  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** The kept certificate for this name, or a new one when there is none or it runs out. */
  async get(hostname: string): Promise<Certificate> {
    const made = this.#made.get(hostname) ?? this.#readOrMake(hostname);
    this.#made.set(hostname, made);
    try {
      const certificate = await made;
      if (this.#isFresh(certificate)) return certificate;
    } catch (error) {
      this.#made.delete(hostname);
      throw error;
    }
    const renewed = this.#make(hostname);
    this.#made.set(hostname, renewed);
    return renewed;
  }

  async #readOrMake(hostname: string): Promise<Certificate> {
    try {
      const text = await readFile(this.#fileOf(hostname), 'utf8');
      const certificate = split(text);
      if (certificate && this.#isFresh(certificate)) return certificate;
    } catch {
      // Not there, or not readable: a new one takes its place.
    }
    return this.#make(hostname);
  }

  async #make(hostname: string): Promise<Certificate> {
    // Loaded on first use: most engines never make a certificate, and it takes a moment.
    const { generate } = await import('selfsigned');
    const now = this.#clock.now();
    const isIp = parseIp(hostname) !== undefined;
    const pems = await generate([{ name: 'commonName', value: hostname }], {
      keyType: 'rsa',
      keySize: 2048,
      algorithm: 'sha256',
      notBeforeDate: new Date(now - DAY_MS),
      notAfterDate: new Date(now + VALID_DAYS * DAY_MS),
      extensions: [
        { name: 'basicConstraints', cA: false },
        {
          name: 'subjectAltName',
          altNames: [
            isIp ? { type: 7, ip: hostname } : { type: 2, value: hostname },
            { type: 2, value: 'localhost' },
            { type: 7, ip: '127.0.0.1' },
          ],
        },
      ],
    });
    const certificate = { cert: pems.cert, key: pems.private };
    const file = this.#fileOf(hostname);
    await mkdir(this.#folder, { recursive: true });
    await writeFile(`${file}.new`, `${certificate.key.trim()}\n${certificate.cert.trim()}\n`, {
      mode: 0o600,
    });
    await rename(`${file}.new`, file);
    return certificate;
  }

  #isFresh(certificate: Certificate): boolean {
    const end = Date.parse(new X509Certificate(certificate.cert).validTo);
    return end - this.#clock.now() > RENEW_DAYS * DAY_MS;
  }

  #fileOf(hostname: string): string {
    return join(this.#folder, `${hostname.toLowerCase().replace(/[^a-z\d.-]/g, '_')}.pem`);
  }
}

function split(pem: string): Certificate | null {
  const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/.exec(
    pem,
  );
  const cert = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(pem);
  return key && cert ? { key: key[0], cert: cert[0] } : null;
}
