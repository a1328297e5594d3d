/**
 * The same command once more in the place of this process: same number, same terminal, same parent.
 * For a restart that was asked for, and after a policy had to be cut off. Where the system cannot
 * do that the process ends with a status of its own, and whoever started it starts it again.
 */
import { join } from 'node:path';
import type { EarlierAddresses } from '../compose/listeners.ts';
import type { Restart } from '../compose/restarts.ts';

/** "Start me again": EX_TEMPFAIL of sysexits.h. */
const STATUS_AGAIN = 75;
const ADDRESSES = 'POSTYARD_ADDRESSES';

/**
 * The next run keeps the token, and the ports that the system chose: clients and the window find it
 * again.
 *
 * @returns only where the system cannot do it: the status to end with
 */
export function runAgain({ addresses, token }: Restart): number {
  const env = {
    ...process.env,
    [ADDRESSES]: JSON.stringify(addresses),
    ...(token !== null && { POSTYARD_TOKEN: token }),
  };
  const main = join(import.meta.dirname, '../main.ts');
  // The browser is open already.
  const args = process.argv.slice(2).filter((arg) => arg !== '--open');
  if (process.execve !== undefined && process.platform !== 'win32')
    process.execve(process.execPath, [process.execPath, ...process.execArgv, main, ...args], env);
  return STATUS_AGAIN;
}

/** Where the run before this one listened; null at an ordinary start. */
export function takeEarlierAddresses(): EarlierAddresses | null {
  const text = process.env[ADDRESSES];
  delete process.env[ADDRESSES];
  return text === undefined ? null : (JSON.parse(text) as EarlierAddresses);
}
