/**
 * Pass-through: the reply to a client is what the first attempts said. The messages are durable
 * before that; when the attempts take too long the client hears 250 and they go on as any others.
 *
 * A client that hears a failure comes again or tells its user, so nothing of it may stay: what was
 * refused for good has bounced by itself, what was put off is taken out of the queue.
 */
import type { Clock } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import type { Message } from '../mail/message.ts';
import type { PassedReply } from '../reception/overlay.ts';
import type { RecordEntry, Store } from '../store/store.ts';

/** Below the time that a listener gives to the end of the data. */
const WAIT_MS_MAX = 240_000;

export interface PassThroughParts {
  readonly store: Pick<Store, 'onRows'>;
  /** Real time: a client waits. */
  readonly clock: Clock;
  /** How long the reply may wait for this message; null when it does not. */
  readonly waitMsOf: (message: Message) => number | null;
  /** Takes messages out of their queues; resolves to how many were still there. */
  readonly drop: (ids: readonly SpoolId[], reason: string) => Promise<number>;
}

interface Answer {
  readonly isFinal: boolean;
  readonly code: number;
  readonly text: string;
}

/** Null when the reply waits for nothing. Call it before the messages are inserted. */
export function passedReply(
  messages: readonly Message[],
  parts: PassThroughParts,
): Promise<PassedReply | null> | null {
  const waits = messages.flatMap((message) => parts.waitMsOf(message) ?? []);
  if (waits.length === 0) return null;
  const passing = messages.filter((message) => parts.waitMsOf(message) !== null);
  const answered = firstAnswers(passing, Math.min(WAIT_MS_MAX, Math.max(...waits)), parts);
  return answered.then((answers) =>
    answers === null ? null : concluded(messages, passing, answers, parts),
  );
}

/** Dispositions that answer for an attempt. */
const ANSWERS: ReadonlySet<string> = new Set(['Delivery', 'Bounce', 'TransientFailure']);

/** What the first attempt of each of these messages said; null when time was up. */
function firstAnswers(
  messages: readonly Message[],
  waitMs: number,
  { store, clock }: PassThroughParts,
): Promise<ReadonlyMap<SpoolId, Answer> | null> {
  const ids = new Set(messages.map(({ id }) => id));
  const answers = new Map<SpoolId, Answer>();
  return new Promise((resolve) => {
    const end = (result: ReadonlyMap<SpoolId, Answer> | null): void => {
      timer.cancel();
      stop();
      resolve(result);
    };
    const note = ({ messageId, type, json }: RecordEntry): void => {
      if (messageId === null || !ids.has(messageId) || !ANSWERS.has(type)) return;
      const { response } = JSON.parse(json) as { response: RecordedReply };
      answers.set(messageId, {
        isFinal: type !== 'TransientFailure',
        code: response.code,
        text: replyText(response),
      });
    };
    const timer = clock.timer(waitMs, () => end(null));
    const stop = store.onRows(({ records }) => {
      records.forEach(note);
      if (answers.size === ids.size) end(answers);
    });
  });
}

interface RecordedReply {
  readonly code: number;
  readonly content: string;
  readonly enhanced_code: {
    readonly class: number;
    readonly subject: number;
    readonly detail: number;
  } | null;
}

function replyText({ enhanced_code: enhanced, content }: RecordedReply): string {
  const text = content.replaceAll('\n', ' ');
  if (enhanced === null) return text;
  return `${enhanced.class}.${enhanced.subject}.${enhanced.detail} ${text}`;
}

async function concluded(
  all: readonly Message[],
  passing: readonly Message[],
  answers: ReadonlyMap<SpoolId, Answer>,
  { drop }: PassThroughParts,
): Promise<PassedReply | null> {
  const said = [...answers.values()];
  const [first] = said;
  if (first === undefined) return null;
  const hasFailed = said.every(({ code }) => code >= 400);
  if (!hasFailed) {
    const good = said.find(({ code }) => code < 400) ?? first;
    return { code: 250, text: good.text };
  }
  // Somebody's copy goes on: the client may not send it all again.
  if (all.length > passing.length) return null;
  const later = said.find(({ isFinal }) => !isFinal);
  if (later === undefined) return { code: first.code, text: first.text };
  const put = passing.filter(({ id }) => answers.get(id)?.isFinal === false);
  const dropped = await drop(
    put.map(({ id }) => id),
    `the ${later.code} was passed on to the client`,
  );
  return dropped < put.length ? null : { code: later.code, text: later.text };
}
