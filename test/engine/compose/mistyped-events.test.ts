import { expect, test } from 'vitest';
import { mistypedEvents } from '../../../engine/compose/mistyped-events.ts';

test('a name one slip away from an event is doubted, a constructor is not', () => {
  expect(mistypedEvents(['smtp_server_mesage_received', 'make.webhook', 'init'])).toBe(
    'policy: "smtp_server_mesage_received" is no event, did you mean smtp_server_message_received?',
  );
  expect(mistypedEvents(['get_queue_config', 'make.webhook', 'my_events'])).toBeNull();
});
