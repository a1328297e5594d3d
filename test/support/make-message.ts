/** Messages for unit tests: `makeMessage(ids, { to: ['a@x.test'] })`. */
import { SpoolIdSource } from '../../engine/base/ids.ts';
import { SeededRandom } from '../../engine/base/random.ts';
import type { Clock } from '../../engine/base/clock.ts';
import type { EnvelopeAddress } from '../../engine/mail/envelope.ts';
import type { JsonObject } from '../../engine/mail/json.ts';
import { Message } from '../../engine/mail/message.ts';

export function spoolIds(clock: Clock, seed = 1): SpoolIdSource {
  return new SpoolIdSource(clock, new SeededRandom(seed));
}

function address(email: string): EnvelopeAddress {
  const at = email.lastIndexOf('@');
  return { email, user: email.slice(0, at), domain: email.slice(at + 1) };
}

export interface MessageSpec {
  readonly from?: string;
  readonly to?: readonly string[];
  readonly meta?: JsonObject;
  readonly body?: string;
}

export function makeMessage(ids: SpoolIdSource, spec: MessageSpec = {}): Message {
  return new Message({
    id: ids.next(),
    sender: address(spec.from ?? 'sender@shop.test'),
    recipients: (spec.to ?? ['user@box.test']).map(address),
    meta: spec.meta ?? {},
    data: Buffer.from(spec.body ?? 'Subject: test\r\n\r\nhello\r\n'),
  });
}
