/** Brings a waiting message back from the store; a damaged one counts as lost, and is reported. */
import type { SpoolId } from '../base/ids.ts';
import type { Message } from '../mail/message.ts';
import { CorruptEntryError } from '../store/store.ts';
import type { QueueDeps } from './queue-deps.ts';

/** Null, and a diagnostic that names `where`, when the store does not have it whole. */
export async function loadStored(
  deps: Pick<QueueDeps, 'store' | 'diagnostic'>,
  id: SpoolId,
  where: string,
): Promise<Message | null> {
  try {
    const message = await deps.store.load({ id });
    if (message === null)
      deps.diagnostic('error', `Cannot load ${where}: the store does not have it`);
    return message;
  } catch (error) {
    if (!(error instanceof CorruptEntryError)) throw error;
    deps.diagnostic('error', `Cannot load ${where}: ${error.message}`);
    return null;
  }
}
