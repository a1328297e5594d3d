/** What a message says about itself to the routes. Its header is read only when a route asks. */
import { allHeaderValues } from '../mail/header.ts';
import type { JsonValue } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import { parseQueueName } from '../mail/queue-name.ts';
import type { MessageFacts } from './match.ts';

/** @throws {Error} as `queueName()`: a meta that names the queue is no text */
export function factsOf(message: Message): MessageFacts {
  const queueName = message.queueName();
  return {
    recipients: message.recipients,
    sender: message.sender,
    tenant: metaText(message.getMeta('tenant')),
    campaign: metaText(message.getMeta('campaign')),
    queue: parseQueueName(queueName),
    queueName,
    isQueueSet: message.getMeta('queue') !== undefined,
    header: (name) =>
      allHeaderValues(message.data, name).map((value) =>
        typeof value === 'string' ? value : Buffer.from(value).toString('latin1'),
      ),
    meta: (name) => message.getMeta(name),
  };
}

function metaText(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
