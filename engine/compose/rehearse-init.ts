/**
 * Runs the `init` of a saved policy with nothing behind it, to learn what a restart would set up:
 * listeners and logs are only noted, files that it writes are copies, the network is not asked.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LocalResolver } from '../dns/local-resolver.ts';
import type { PolicyServices } from '../policy/services.ts';
import { ScriptHost } from '../policy/script-host.ts';
import type { SetupNote } from '../policy/setup-notes.ts';
import type { CoreOptions } from './engine-core.ts';
import { SpoolIdSource } from '../base/ids.ts';

export interface Rehearsal {
  readonly notes: readonly SetupNote[];
  /** False: `init` could not be run to its end, and would set up more. */
  readonly isWhole: boolean;
}

export async function rehearseInit(options: CoreOptions, policyFile: string): Promise<Rehearsal> {
  const { mailClock, clock, random, guard, extrasDir } = options;
  const copies = mkdtempSync(join(tmpdir(), 'postyard-rehearsal-'));
  const host = new ScriptHost({
    deps: {
      mailClock,
      clock,
      random,
      guard,
      ids: new SpoolIdSource(mailClock, random),
      services: SILENT,
      resolver: new LocalResolver({ clock, system: null }),
      mapPath: (path, mode) => {
        const real = options.mapPath(path, mode);
        return mode === 'read' ? real : copyOf(real, copies);
      },
    },
    isStrict: false,
    extrasDir,
    gate: (name, { effect }) => {
      if (name === 'kumo.spawn_task') return () => undefined;
      if (effect !== 'network') return null;
      return () => {
        throw new Error(`${name} asks nobody while init is rehearsed`);
      };
    },
  });
  try {
    const loaded = await host.load(policyFile);
    if (!loaded.ok) return { notes: [], isWhole: false };
    const isWhole = await host.init().then(
      () => true,
      () => false,
    );
    return { notes: [...host.world.setup], isWhole };
  } finally {
    await host.close();
    rmSync(copies, { recursive: true, force: true });
  }
}

function copyOf(real: string, folder: string): string {
  const copy = join(folder, real);
  mkdirSync(dirname(copy), { recursive: true });
  try {
    copyFileSync(real, copy);
  } catch {
    // It does not exist yet, or is a folder: the script begins with nothing.
  }
  return copy;
}

const done = (): Promise<void> => Promise.resolve();
const SILENT: PolicyServices = {
  startEsmtpListener: done,
  startHttpListener: done,
  defineSpool: done,
  configureLocalLogs: done,
  configureLogHook: done,
  configureLogDispositionHook: done,
  configureBounceClassifier: done,
  configureAcctLog: done,
  configureAccountingDb: done,
  injectMessage: done,
  injectV1: () => Promise.resolve({ success_count: 0, fail_count: 0 }),
  buildV1: () => Promise.resolve([]),
  admin: () => Promise.resolve({}),
  saveMessage: done,
  bumpConfigEpoch: () => {},
  diagnostic: () => {},
};
