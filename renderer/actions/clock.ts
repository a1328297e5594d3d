/** The mail clock: faster, frozen, to what is due next, a span ahead, back to real time. */
import type { ClockChange } from '../../engine/api/protocol.ts';
import type { Action } from '../actions.ts';
import { countdown, duration } from '../format/duration.ts';
import type { MenuItem } from '../state/place.svelte.ts';
import type { Postyard } from '../state/postyard.svelte.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SPANS: readonly (readonly [string, number, string])[] = [
  ['10 minutes', 600_000, '1'],
  ['1 hour', HOUR_MS, '2'],
  ['6 hours', 6 * HOUR_MS, '3'],
  ['1 day', DAY_MS, '4'],
  ['7 days', 7 * DAY_MS, '5'],
  ['30 days', 30 * DAY_MS, '6'],
];

async function change(yard: Postyard, request: ClockChange): Promise<void> {
  yard.engine.takeClock(await yard.api.clock(request));
}

function speedOf(yard: Postyard): number {
  return yard.engine.status?.clock.speed ?? 1;
}

/** Where a menu of this action belongs: under its button, else near the top. */
function under(id: string): { x: number; y: number } {
  const box = document.querySelector(`[data-action='${id}']`)?.getBoundingClientRect();
  return { x: box?.left ?? 400, y: (box?.bottom ?? 90) + 4 };
}

function speedAction(speed: 1 | 60 | 3600): Action {
  return {
    id: `clock-x${speed}`,
    label: speed === 1 ? 'Run the clock at ×1' : `Run the clock ×${speed}`,
    cli: `clock x${speed}`,
    group: 'Clock',
    icon: 'clock',
    hint: (yard) => (speedOf(yard) === speed ? 'running' : ''),
    run: (yard) => change(yard, { speed }),
  };
}

function forwardItems(yard: Postyard): readonly MenuItem[] {
  return SPANS.map(([label, forwardMs, letter]) => ({
    kind: 'choice',
    label,
    letter,
    run: () => {
      change(yard, { forwardMs, dontWait: true }).catch((cause: unknown) =>
        yard.toasts.fail(cause),
      );
    },
  }));
}

function resetItems(yard: Postyard, offsetMs: number): readonly MenuItem[] {
  const to = (reset: 'shift' | 'stay', said: string) => (): void => {
    change(yard, { reset })
      .then(() => yard.toasts.say(said))
      .catch((cause: unknown) => yard.toasts.fail(cause));
  };
  const by = duration(offsetMs);
  return [
    {
      kind: 'choice',
      label: 'Set it back and shift what is due',
      letter: '1',
      hint: `by ${by}`,
      run: to('shift', `The clock is real time again; due times moved back by ${by}`),
    },
    {
      kind: 'choice',
      label: 'Stay ahead, run at ×1',
      letter: '2',
      hint: `${by} ahead`,
      run: to('stay', `The clock runs at ×1 and stays ${by} ahead`),
    },
  ];
}

export const CLOCK_ACTIONS: readonly Action[] = [
  {
    id: 'clock-next',
    label: 'Jump to what is due next',
    cli: 'clock next',
    group: 'Clock',
    keys: ['.'],
    icon: 'next',
    hint: (yard) => {
      const due = yard.queues.soonest;
      return due?.nextDueMs == null ? '' : `in ${countdown(due.nextDueMs - yard.engine.nowMs)}`;
    },
    refusal: (yard) =>
      yard.engine.isForwarding
        ? 'The clock is being taken forward'
        : yard.queues.soonest
          ? null
          : 'Nothing waits in a queue',
    run: (yard) => change(yard, { jumpToNextDue: true, dontWait: true }),
  },
  {
    id: 'clock-freeze',
    label: 'Freeze or run',
    cli: 'clock freeze',
    group: 'Clock',
    keys: [' '],
    screens: ['queues'],
    icon: 'pause',
    hint: (yard) => (speedOf(yard) === 0 ? 'frozen' : `×${speedOf(yard)}`),
    run: (yard) => change(yard, { speed: speedOf(yard) === 0 ? yard.engine.lastSpeed : 0 }),
  },
  {
    id: 'clock-hold',
    label: 'Freeze the clock',
    cli: 'clock freeze',
    group: 'Clock',
    icon: 'pause',
    refusal: (yard) => (speedOf(yard) === 0 ? 'It is frozen' : null),
    run: (yard) => change(yard, { speed: 0 }),
  },
  speedAction(1),
  speedAction(60),
  speedAction(3600),
  {
    id: 'clock-forward',
    label: 'Take the clock forward…',
    cli: 'clock forward DURATION',
    group: 'Clock',
    icon: 'right',
    refusal: (yard) => (yard.engine.isForwarding ? 'It is being taken forward already' : null),
    run: (yard) =>
      yard.place.openMenu({
        label: 'Take the clock forward by',
        items: forwardItems(yard),
        ...under('clock-forward'),
      }),
  },
  {
    id: 'clock-stop',
    label: 'Stop taking the clock forward',
    cli: 'clock stop',
    group: 'Clock',
    icon: 'close',
    refusal: (yard) => (yard.engine.isForwarding ? null : 'It is not being taken forward'),
    run: (yard) => change(yard, { stop: true }),
  },
  {
    id: 'clock-reset',
    label: 'Back to real time',
    cli: 'clock reset',
    group: 'Clock',
    icon: 'again',
    refusal: (yard) => (yard.engine.isClockReal ? 'It is real time' : null),
    run: async (yard) => {
      const { offsetMs, speed } = yard.engine.status?.clock ?? { offsetMs: 0, speed: 1 };
      const isAhead = speed === 0 ? offsetMs > 0 : offsetMs > 1500;
      if (!isAhead || (yard.engine.status?.queued ?? 0) === 0) {
        return change(yard, { reset: 'shift' });
      }
      yard.place.openMenu({
        label: 'Back to real time',
        items: resetItems(yard, offsetMs),
        ...under('clock-reset'),
      });
    },
  },
];
