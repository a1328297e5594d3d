/** Certificates for tests, made on the spot and kept per process. */
import { generate } from 'selfsigned';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

interface Wish {
  readonly name: string;
  readonly isAuthority?: boolean;
  readonly validForMs?: readonly [from: number, to: number];
  readonly signedBy?: Pair;
}

const made = new Map<string, Promise<Pair>>();

const HOUR_MS = 3_600_000;

/** @param wish.validForMs start and end, relative to now */
export function certificate(wish: Wish): Promise<Pair> {
  const key = JSON.stringify(wish);
  const known = made.get(key) ?? make(wish);
  made.set(key, known);
  return known;
}

async function make(wish: Wish): Promise<Pair> {
  const [from, to] = wish.validForMs ?? [-HOUR_MS, 24 * HOUR_MS];
  const isAuthority = wish.isAuthority ?? false;
  const result = await generate([{ name: 'commonName', value: wish.name }], {
    keyType: 'rsa',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() + from),
    notAfterDate: new Date(Date.now() + to),
    extensions: [
      { name: 'basicConstraints', cA: isAuthority, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: isAuthority },
      { name: 'subjectAltName', altNames: [{ type: 2, value: wish.name }] },
    ],
    ...(wish.signedBy ? { ca: wish.signedBy } : {}),
  });
  return { cert: result.cert, key: result.private };
}
