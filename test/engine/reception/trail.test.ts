import { describe, expect, test } from 'vitest';
import {
  EVENT_CALLS_MAX,
  TRANSCRIPT_LINES_MAX,
  TRANSCRIPT_LINE_CHARS_MAX,
} from '../../../engine/base/limits.ts';
import { SystemClock } from '../../../engine/base/clock.ts';
import type { EventCall } from '../../../engine/policy/event-call.ts';
import { Trail } from '../../../engine/reception/trail.ts';

const CALL: EventCall = {
  event: 'smtp_server_ehlo',
  atMs: 0,
  durationMs: 0,
  args: [],
  prints: [],
  metaChanges: [],
};

describe('Trail', () => {
  test('hands over what has gathered and begins anew', () => {
    const trail = new Trail(new SystemClock());
    trail.line('client', 'NOOP');
    trail.add(CALL);
    expect(trail.take()).toMatchObject({ transcript: [{ text: 'NOOP' }], events: [CALL] });
    expect(trail.take()).toEqual({ transcript: [], events: [] });
  });

  test('is bounded and says what was left out', () => {
    const trail = new Trail(new SystemClock());
    for (let i = 0; i < TRANSCRIPT_LINES_MAX + 7; i++) trail.line('client', 'x'.repeat(5_000));
    for (let i = 0; i < EVENT_CALLS_MAX + 3; i++) trail.add(CALL);
    const { transcript, events } = trail.take();
    expect(events).toHaveLength(EVENT_CALLS_MAX);
    expect(transcript[0]?.text.length).toBeLessThan(TRANSCRIPT_LINE_CHARS_MAX + 30);
    expect(transcript.slice(TRANSCRIPT_LINES_MAX).map((line) => line.text)).toEqual([
      '7 more lines were not kept',
      '3 more calls were not kept',
    ]);
    expect(trail.take().transcript).toEqual([]);
  });
});
