/**
 * Where a policy's listeners really listen in ordinary mode: the first of each kind at its own
 * address, further ones behind it, and the next free port when one is taken.
 */

const PORT_TRIES_MAX = 100;

export interface Placed<T> {
  readonly opened: T;
  /** `ip:port` that was tried first. */
  readonly wanted: string;
}

/**
 * Opens at `address`, or at the next free port after it.
 *
 * @param isFixed the user asked for exactly this port: no other one will do
 * @throws {Error} no port was free
 */
export async function openAtFreePort<T>(
  address: string,
  isFixed: boolean,
  open: (address: string) => Promise<T>,
): Promise<Placed<T>> {
  const { host, port } = splitAddress(address);
  for (let n = 0; ; n++) {
    try {
      return { opened: await open(`${host}:${port === 0 ? 0 : port + n}`), wanted: address };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (isFixed || port === 0)
        throw new Error(`Cannot listen on ${address}: the port is taken, expected a free one`, {
          cause: error,
        });
      if (n === PORT_TRIES_MAX)
        throw new Error(
          `Cannot listen on ${address}: ${PORT_TRIES_MAX} ports from there on are taken`,
          { cause: error },
        );
    }
  }
}

/** `127.0.0.1:1025` and the ports behind it for the second, third, … listener of a kind. */
export function addressBehind(address: string, index: number): string {
  const { host, port } = splitAddress(address);
  return `${host}:${port === 0 ? 0 : port + index}`;
}

export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
