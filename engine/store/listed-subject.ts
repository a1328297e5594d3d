/**
 * What the list shows in the place of a subject. A record that a log hook sends through a queue has
 * none and the envelope of the mail it tells of: it says that it is a record, and where it goes.
 */
import type { Message } from '../mail/message.ts';
import { subjectOf } from './subject.ts';

export function listedSubject(message: Message): string {
  const subject = subjectOf(message.data);
  if (subject !== '' || message.getMeta('reception_protocol') !== 'LogRecord') return subject;
  const record = message.getMeta('log_record');
  const isObject = typeof record === 'object' && record !== null && 'type' in record;
  const type = isObject && typeof record.type === 'string' ? `${record.type} record` : 'Record';
  return `${type} for ${message.queueName()}`;
}
