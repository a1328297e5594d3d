/** What would become of a recipient, in one line. */
import type { ExplainedRecipient } from '../../../engine/api/protocol.ts';
import { duration } from '../../format/duration.ts';

export function verdictOf(recipient: ExplainedRecipient): string {
  const { state, reply, queue, route, protocol, target, maildirPath, capturedInstead } = recipient;
  if (state !== 'queued') return `${state}: ${reply.code} ${reply.text}`.trim();
  const where =
    capturedInstead !== null
      ? `captured in ${maildirPath ?? ''}, would have gone to ${capturedInstead}`
      : maildirPath !== null
        ? `maildir ${maildirPath}`
        : `${protocol ?? ''} ${target ?? ''}`.trim();
  const by = route === null ? '' : ` by route ${route}`;
  const [retry] = recipient.retries;
  const wait = recipient.dueInMs > 0 ? `, due in ${duration(recipient.dueInMs)}` : '';
  return `accepted, queue ${queue ?? ''}${by}, ${where}${wait}${
    retry === undefined || maildirPath !== null
      ? ''
      : `; if it fails, again after ${duration(retry.afterMs)}`
  }`;
}
