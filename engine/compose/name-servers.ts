/** The name servers that this system is configured with. */
import { getServers } from 'node:dns';

export function systemNameServers(): readonly string[] {
  return getServers();
}
