/**
 * Addresses of the listeners as settings: what can be one, and what they may be together. The start
 * decides by the same rules (`compose/listeners.ts`).
 */
import { z } from 'zod';
import { isOwnHost, parseListen } from '../base/ip.ts';
import type { Mistake } from '../files/schema-words.ts';

const ADDRESS_NAMES = ['smtp', 'http', 'ui', 'smtps'] as const;

type AddressName = (typeof ADDRESS_NAMES)[number];

const WANTED = 'expected IP:PORT such as 127.0.0.1:1025, the port at most 65535';

export const listenAddress = z.string().refine((text) => parseListen(text) !== undefined, WANTED);

/** Who may reach the listeners: this machine, or others too (`serve --expose`). */
export type Reach = 'own' | 'any';

/**
 * The first address that cannot be: one for other machines that nobody allowed, or one that an
 * earlier entry has already. Port 0 stands for any free one.
 */
export function addressMistake(
  settings: Readonly<Partial<Record<AddressName, unknown>>>,
  reach: Reach,
): Mistake | null {
  const names = Object.keys(settings).filter((name): name is AddressName =>
    (ADDRESS_NAMES as readonly string[]).includes(name),
  );
  const taken = new Map<string, AddressName>();
  for (const name of names) {
    const address = settings[name];
    if (typeof address !== 'string') continue;
    if (reach === 'own' && !isOwnHost(address.slice(0, address.lastIndexOf(':')))) {
      const message = `found ${address}, which other machines reach, expected a loopback address, or a start with --expose`;
      return { path: [name], message };
    }
    const other = taken.get(address);
    if (other !== undefined && !address.endsWith(':0'))
      return { path: [name], message: `found ${address} as for ${other}, expected another one` };
    taken.set(address, name);
  }
  return null;
}
