/** Where a command may listen: on loopback, unless asked for in so many words. */
import { isOwnHost } from '../base/ip.ts';
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
  if (!isOwnHost(address.host) && !isExposed) {
    throw new UsageError(
      `${option} is ${text}, expected a loopback address; add --expose to let other machines in`,
    );
  }
  return address;
}
