/** Dry runs in the words of the wire: host calls, problems, stubs. Pure. */
import type { LuaPlace } from '../policy/lua/lua-error.ts';
import type { PolicyProblem } from '../policy/script-host.ts';
import type { HostCallEntry } from '../replay/host-call-log.ts';
import { linkTo } from './journey.ts';
import type { DryEffect, ExplainedCase, SourceLink } from './protocol.ts';

/** Calls shown of one message. */
const EFFECTS_MAX = 500;

export function effectsOf(calls: readonly HostCallEntry[]): DryEffect[] {
  return calls.slice(0, EFFECTS_MAX).map(({ place, ...call }) => ({
    ...call,
    source: placeLink(place),
  }));
}

export function problemOf(problem: PolicyProblem | null): ExplainedCase['problem'] {
  if (problem === null) return null;
  const { file, line, message } = problem;
  return {
    text: message,
    source:
      line === null ? { label: file.slice(file.lastIndexOf('/') + 1), file } : linkTo(file, line),
  };
}

export function placeLink(place: LuaPlace | null): SourceLink | null {
  return place === null ? null : linkTo(place.file, place.line);
}

/** What was answered otherwise than it would really be, in sentences. */
export function notesOf(calls: readonly HostCallEntry[]): string[] {
  const count = (what: HostCallEntry['what']): number =>
    calls.filter((call) => call.what === what).length;
  const [missing, stubbed, withheld] = [count('not-stubbed'), count('stubbed'), count('withheld')];
  const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);
  return [
    ...(missing > 0 ? [`The network was wanted ${times(missing)} and not stubbed`] : []),
    ...(stubbed > 0 ? [`The network was answered by a stub ${times(stubbed)}`] : []),
    ...(withheld > 0 ? [`${withheld} calls that act outside of the message were only shown`] : []),
  ];
}
