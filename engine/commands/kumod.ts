/**
 * `postyard kumod`: strict mode. The policy's own listeners and paths exactly, KumoMTA's lines on
 * stderr, the real clock, no routes, no window: comparable with the original.
 *
 * Source: reference of KumoMTA's start-up; `docs/reference/differences.md`.
 */
import { resolve } from 'node:path';
import { startStrictEngine } from '../strict-engine.ts';
import { UsageError, callersFolder, readOptions } from './command.ts';
import type { Command } from './command.ts';
import { stopSignal } from './stop-signal.ts';

export const kumod: Command = {
  name: 'kumod',
  summary: 'Run a policy exactly as KumoMTA would (strict mode, no window)',
  usage: 'kumod --policy FILE [--user NAME] [--validate]',
  options: [
    ['--policy FILE', 'the policy to run'],
    ['--user NAME', 'accepted as KumoMTA does; the user is not changed'],
    ['--validate', 'check the policy and end: status 0 when it is sound, 1 when it is not'],
  ],
  async run(args) {
    const options = readOptions(args, {
      policy: { type: 'string' },
      user: { type: 'string' },
      validate: { type: 'boolean' },
    });
    if (options.policy === undefined)
      throw new UsageError('--policy is missing, expected a Lua file');
    const policyFile = resolve(callersFolder(), options.policy);
    const stopped = stopSignal();
    const engine = await startStrictEngine(policyFile, { isValidating: options.validate === true });
    if (engine === null) return 1;
    // A sound policy has been checked by now; there is nothing to wait for.
    if (options.validate !== true) await stopped;
    await engine.stop();
    return 0;
  },
};
