/** Routes and messages in few words. */
import { SpoolIdSource } from '../../../engine/base/ids.ts';
import { SystemClock } from '../../../engine/base/clock.ts';
import { SeededRandom } from '../../../engine/base/random.ts';
import type { JsonObject } from '../../../engine/mail/json.ts';
import { Message } from '../../../engine/mail/message.ts';
import { parseEnvelopeAddress } from '../../../engine/mail/path.ts';
import type { MessageFacts } from '../../../engine/routes/match.ts';
import { factsOf } from '../../../engine/routes/message-facts.ts';
import { routeSchema } from '../../../engine/routes/route.ts';
import type { Route } from '../../../engine/routes/route.ts';

const ids = new SpoolIdSource(new SystemClock({ keepAlive: false }), new SeededRandom(3));

export interface MessageWords {
  readonly from?: string;
  readonly to?: readonly string[];
  readonly header?: readonly string[];
  readonly meta?: JsonObject;
}

export function messageOf(words: MessageWords = {}): Message {
  const { from = 'orders@shop.example', to = ['alice@example.com'], header = [] } = words;
  return new Message({
    id: ids.next(),
    sender: parseEnvelopeAddress(from),
    recipients: to.map((email) => parseEnvelopeAddress(email)),
    meta: { ...words.meta },
    data: Buffer.from([...header, 'Subject: x', '', 'Hello', ''].join('\r\n')),
  });
}

export function messageFacts(words: MessageWords = {}): MessageFacts {
  return factsOf(messageOf(words));
}

/** Checked as the file would be; without a target it is the null queue. */
export function routeOf(name: string, fields: object = {}): Route {
  return routeSchema.parse({ name, to: { kind: 'null' }, ...fields });
}
