/** `postyard clock`: what time it is for the mail, and how fast it goes. */
import { SystemClock } from '../base/clock.ts';
import { formatSpan } from '../base/span-words.ts';
import type { ClockChange, ClockStatus, EngineStatus } from '../api/protocol.ts';
import { UsageError, readArguments, readDurationMs } from './command.ts';
import type { Command } from './command.ts';
import { EngineClient } from './engine-client.ts';
import { stopSignal } from './stop-signal.ts';

const LOOK_MS = 200;
const REAL_TOLERANCE_MS = 1_500;

export const clock: Command = {
  name: 'clock',
  summary:
    'Show or change the time of the mail: faster, frozen, to the next due time, a week ahead',
  usage:
    'clock [x1|x60|x3600|freeze|next|forward DURATION|stop|reset [--shift|--stay]] [--workspace DIR]',
  async run(args) {
    const { values, positionals } = readArguments(args, {
      workspace: { type: 'string' },
      shift: { type: 'boolean' },
      stay: { type: 'boolean' },
    });
    const change = changeOf(positionals, values);
    const engine = EngineClient.find(values.workspace);
    if (engine === null) return 3;
    if (change !== null) await engine.post<ClockStatus>('/clock', change);
    if (change?.dontWait === true) await followForward(engine);
    const { clock: status, queued, nextDueMs } = await engine.get<EngineStatus>('/status');
    const waiting =
      nextDueMs === null ? '' : `, next due in ${formatSpan(nextDueMs - status.nowMs)}`;
    process.stdout.write(`${words(status)}\n${queued} queued${waiting}\n`);
    return 0;
  },
};

/** @throws {UsageError} */
function changeOf(
  [verb, ...rest]: readonly string[],
  options: { shift?: boolean | undefined; stay?: boolean | undefined },
): ClockChange | null {
  if (verb === undefined) return null;
  const speed = /^[x×](1|60|3600)$/.exec(verb)?.[1];
  if (verb === 'forward') {
    const [text] = rest;
    if (text === undefined) throw new UsageError('forward lacks a duration, such as 7d');
    return { forwardMs: readDurationMs('forward', text), dontWait: true };
  }
  if (rest.length > 0) throw new UsageError(`found "${rest.join(' ')}" after ${verb}`);
  if (speed !== undefined) return { speed: Number(speed) };
  switch (verb) {
    case 'freeze':
      return { speed: 0 };
    case 'next':
      return { jumpToNextDue: true, dontWait: true };
    case 'stop':
      return { stop: true };
    case 'reset':
      if (options.shift === true && options.stay === true) {
        throw new UsageError('found --shift and --stay, expected one of them');
      }
      return { reset: options.shift === true ? 'shift' : options.stay === true ? 'stay' : 'ask' };
    default:
      throw new UsageError(
        `found "${verb}", expected x1, x60, x3600, freeze, next, forward, stop or reset`,
      );
  }
}

/** Until it has got there; interrupted, the clock stops where it is. */
async function followForward(engine: EngineClient): Promise<void> {
  const waiting = new SystemClock();
  const stopped = stopSignal().then(() => 'stopped' as const);
  for (;;) {
    const status = await engine.get<ClockStatus>('/clock');
    if (process.stderr.isTTY) process.stderr.write(`\r${new Date(status.nowMs).toISOString()} `);
    if (status.forward == null) break;
    if ((await Promise.race([waiting.sleep(LOOK_MS), stopped])) !== 'stopped') continue;
    await engine.post<ClockStatus>('/clock', { stop: true });
    break;
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}

function words({ nowMs, speed, offsetMs }: ClockStatus): string {
  const time = new Date(nowMs).toISOString();
  if (speed === 1 && Math.abs(offsetMs) < REAL_TOLERANCE_MS) return `${time}  real time`;
  const away = `${formatSpan(Math.abs(offsetMs))} ${offsetMs < 0 ? 'behind' : 'ahead of'} real time`;
  return `${time}  ${speed === 0 ? 'frozen' : `×${speed}`}, ${away}`;
}
