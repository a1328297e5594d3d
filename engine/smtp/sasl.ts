/**
 * The two SASL mechanisms of a submission server: the responses of PLAIN and LOGIN.
 *
 * Source: RFC 4616, RFC 4954; LOGIN has no RFC, its prompts are what every client knows.
 */
import { isUtf8 } from 'node:buffer';

export interface PlainCredentials {
  /** Whom to act as; empty means the same as `authc`. */
  readonly authz: string;
  readonly authc: string;
  readonly password: string;
}

export const LOGIN_PROMPTS = { user: 'VXNlcm5hbWU6', password: 'UGFzc3dvcmQ6' } as const;

/** Bytes of a base64 text, or null when it is not one: alphabet, length and padding all count. */
export function decodeBase64(text: string): Buffer | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z\d+/]*={0,2}$/.test(text)) return null;
  return Buffer.from(text, 'base64');
}

/** Why a decoded PLAIN response is none. */
export type PlainTrouble = 'fields' | 'utf8';

export function parsePlain(bytes: Buffer): PlainCredentials | PlainTrouble {
  const fields = bytes.toString('latin1').split('\0');
  if (fields.length !== 3) return 'fields';
  if (!isUtf8(bytes)) return 'utf8';
  const [authz = '', authc = '', password = ''] = bytes.toString('utf8').split('\0');
  return { authz, authc, password };
}

/** The initial response of AUTH PLAIN, for the delivering end. */
export function formatPlain(credentials: PlainCredentials): string {
  const { authz, authc, password } = credentials;
  return Buffer.from(`${authz}\0${authc}\0${password}`).toString('base64');
}
