/** What a person is told after a start that followed a hang of the policy. */
import type { StuckNote } from '../policy/stuck-watch.ts';

export function stuckWarning({ event, ranMs, atMs }: StuckNote): string {
  const at = new Date(atMs).toISOString().slice(11, 19);
  const seconds = Math.round(ranMs / 1000);
  return `the policy hung in ${event} for ${seconds} s (a loop inside a C function such as string.find, which no budget stops); the engine was restarted at ${at} UTC, and everything it had accepted is there`;
}
