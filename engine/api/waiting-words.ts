/** Words about what waits, as Queues, the Journey and a row's details use them. */
import type { MailClock } from '../base/mail-clock.ts';
import type { ConfigSource } from '../queue/config-source.ts';
import type { WaitingSummary } from '../queue/queue-lists.ts';
import { RELEASE_ROUTE } from '../routes/release.ts';
import type { SourceLink } from './protocol.ts';

/** Why it waits; a clock that stands still is a reason of its own. */
export function withClock(waiting: WaitingSummary, mailClock: MailClock): string {
  const isStill = mailClock.speed === 0 && !mailClock.isForwarding;
  if (!isStill || waiting.place !== 'scheduled') return waiting.why;
  return `${waiting.why}; the clock is frozen, so that moment does not come by itself`;
}

/** Null when nobody gave a configuration. */
export function sourceLinkOf(source: ConfigSource): SourceLink | null {
  switch (source.kind) {
    case 'route':
      if (source.route === RELEASE_ROUTE) return { label: 'released by hand' };
      return { label: `route ${source.route}`, route: source.route };
    case 'handler': {
      const { file, line } = source;
      return { label: `${file.slice(file.lastIndexOf('/') + 1)}:${line}`, file, line };
    }
    case 'built-in':
      return { label: 'built in' };
    case 'defaults':
      return null;
  }
}
