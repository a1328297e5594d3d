/**
 * Functions that exist in KumoMTA and have nothing to do here: some are accepted with their
 * arguments checked, others cannot be had and say so in one way.
 *
 * Source: reference `lua-api.md` §17 ("inert"), §16.16.
 */
import type { HostCall, HostFunction } from '../lua/host-function.ts';

/** Accepted and without effect. `check` reads the arguments, so that wrong ones are refused. */
export function inert(
  signature: string,
  doc: string,
  check: (call: HostCall) => unknown = () => undefined,
): HostFunction {
  return {
    effect: 'pure',
    signature,
    doc,
    run: (call) => {
      check(call);
      return undefined;
    },
  };
}

/** Raises the one explained error for what this engine lacks. */
export function absent(name: string, signature: string, why: string): HostFunction {
  return {
    effect: 'pure',
    signature,
    doc: `Not available here: ${why}.`,
    run: () => {
      throw new Error(`${name} exists in KumoMTA but not in Postyard: ${why}`);
    },
  };
}
