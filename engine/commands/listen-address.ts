/** Where a command may listen: on loopback, unless asked for in so many words. */
import { isIP } from 'node:net';
import { UsageError, readAddress } from './command.ts';

/**
 * A listener beyond loopback lets others on the network in.
 * @throws {UsageError}
 */
export function readListenAddress(
  option: string,
  text: string,
  isExposed: boolean,
): { host: string; port: number } {
  const address = readAddress(option, text);
  const { host } = address;
  const isLoopback =
    host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  if (!isLoopback && !isExposed) {
    throw new UsageError(
      `${option} is ${text}, expected a loopback address; add --expose to let other machines in`,
    );
  }
  return address;
}
