/** Ends of connections, and the addresses that listeners are given. */
import { parseIp, parseListen } from '../base/ip.ts';

/** One end of a connection. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** `127.0.0.1:25`, `[::1]:25` */
export function formatEndpoint(endpoint: Endpoint): string {
  const { ip, port } = endpoint;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/**
 * The local end of a connection as it would be where the policy wanted to listen: address and port
 * are the policy's, as far as it chose them.
 *
 * @param listen `ip:port` as the policy wrote it; any address and port 0 choose nothing
 * @param actual where the connection really came in
 */
export function wantedEndpoint(listen: string, actual: Endpoint): Endpoint {
  const wanted = parseListen(listen);
  if (!wanted) return actual;
  return {
    ip: parseIp(wanted.host)?.value ? wanted.host : actual.ip,
    port: wanted.port || actual.port,
  };
}
