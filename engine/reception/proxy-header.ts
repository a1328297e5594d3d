/**
 * The PROXY protocol header, versions 1 and 2: who the client really is, sent by a load balancer
 * before anything else.
 *
 * Source: HAProxy "The PROXY protocol", versions 1 and 2.
 */
import { PROXY_HEADER_BYTES_MAX } from '../base/limits.ts';
import { formatIp, parseIp } from '../base/ip.ts';
import type { Endpoint } from './endpoint.ts';

export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'bad' }
  | {
      readonly kind: 'complete';
      /** Bytes of the header; what follows is SMTP. */
      readonly length: number;
      /** Null when the proxy speaks for itself or does not know. */
      readonly addresses: { readonly source: Endpoint; readonly destination: Endpoint } | null;
    };

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const BAD: ProxyHeader = { kind: 'bad' };
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const VERSION_1_BYTES_MAX = 107;

export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const prefix = bytes.subarray(0, SIGNATURE.length);
  if (prefix.equals(SIGNATURE.subarray(0, prefix.length))) return parseVersion2(bytes);
  return parseVersion1(bytes);
}

function parseVersion1(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\r\n', 0, 'latin1');
  if (end < 0) return bytes.length < VERSION_1_BYTES_MAX ? INCOMPLETE : BAD;
  const words = bytes.toString('latin1', 0, end).split(' ');
  const [name, family, source = '', destination = '', sourcePort, destinationPort] = words;
  if (name !== 'PROXY' || end + 2 > VERSION_1_BYTES_MAX) return BAD;
  if (family === 'UNKNOWN') return { kind: 'complete', length: end + 2, addresses: null };
  const bits = family === 'TCP4' ? 32 : family === 'TCP6' ? 128 : null;
  const from = endpoint(source, sourcePort);
  const to = endpoint(destination, destinationPort);
  if (words.length !== 6 || !from || !to) return BAD;
  if (parseIp(source)?.bits !== bits || parseIp(destination)?.bits !== bits) return BAD;
  return { kind: 'complete', length: end + 2, addresses: { source: from, destination: to } };
}

function endpoint(ip: string, port: string | undefined): Endpoint | null {
  const parsed = parseIp(ip);
  if (!parsed || port === undefined || !/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    return null;
  return { ip: formatIp(parsed), port: Number(port) };
}

function parseVersion2(bytes: Buffer): ProxyHeader {
  if (bytes.length < 16) return INCOMPLETE;
  const versionAndCommand = bytes.readUInt8(12);
  const length = 16 + bytes.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2 || length > PROXY_HEADER_BYTES_MAX) return BAD;
  if (bytes.length < length) return INCOMPLETE;
  const command = versionAndCommand & 0x0f;
  if (command > 1) return BAD;
  const family = bytes.readUInt8(13) >> 4;
  const addressBytes = family === 1 ? 4 : family === 2 ? 16 : 0;
  if (command === 0 || addressBytes === 0) return { kind: 'complete', length, addresses: null };
  if (length < 16 + addressBytes * 2 + 4) return BAD;
  const ports = 16 + addressBytes * 2;
  const source = { ip: ipAt(bytes, 16, addressBytes), port: bytes.readUInt16BE(ports) };
  const destination = {
    ip: ipAt(bytes, 16 + addressBytes, addressBytes),
    port: bytes.readUInt16BE(ports + 2),
  };
  return { kind: 'complete', length, addresses: { source, destination } };
}

function ipAt(bytes: Buffer, at: number, count: 4 | 16): string {
  const value = BigInt(`0x${bytes.toString('hex', at, at + count)}`);
  return formatIp({ bits: count === 4 ? 32 : 128, value });
}
