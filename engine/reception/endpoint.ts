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
