/** What dry runs stand on, over a temporary workspace: `using bench = dryWorkspace(policy)`. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { SystemClock } from '../../engine/base/clock.ts';
import { LoopbackGuard } from '../../engine/guard/loopback-guard.ts';
import { ORDINARY_MODE } from '../../engine/reception/mode.ts';
import type { DryArrival } from '../../engine/replay/dry-reception.ts';
import type { DryBench } from '../../engine/replay/dry-run.ts';
import { workspaceLayout } from '../../engine/workspace/layout.ts';
import type { WorkspaceLayout } from '../../engine/workspace/layout.ts';
import { PathRemaps } from '../../engine/workspace/remap.ts';

export interface DryWorkspace extends Disposable {
  readonly layout: WorkspaceLayout;
  readonly bench: DryBench;
  write(path: string, text: string | Uint8Array): void;
  /** Every file of the workspace by path, as a digest of its content. */
  digests(): Record<string, string>;
}

/** A policy with a listener, and what else is given. */
export function withListener(text: string): string {
  return `local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:1025', relay_hosts = { '127.0.0.1' } }
end)
${text}`;
}

export function dryWorkspace(policy: string, overrides: Partial<DryBench> = {}): DryWorkspace {
  const root = mkdtempSync(join(tmpdir(), 'postyard-dry-test-'));
  const layout = workspaceLayout(root);
  const write = (path: string, text: string | Uint8Array): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write('policy/init.lua', policy);
  const clock = new SystemClock({ keepAlive: false });
  const remaps = new PathRemaps(layout);
  const bench: DryBench = {
    policyFile: layout.policyFile,
    extrasDir: resolve(import.meta.dirname, '../../engine/policy-extras'),
    companion: null,
    heartbeat: null,
    clock,
    mailClock: clock,
    zones: null,
    hostsPath: null,
    guard: new LoopbackGuard({ clock, ledger: () => undefined }),
    world: null,
    mapPath: (path) => remaps.file(path),
    buildV1: () => Promise.resolve([]),
    mode: ORDINARY_MODE,
    overlays: () => ({ reception: null, queueConfig: null }),
    leaving: () => null,
    mapMaildirPath: (path) => remaps.maildir(path),
    placeOf: (path) => path.replace(`${root}/`, ''),
    ...overrides,
  };
  return {
    layout,
    bench,
    write,
    digests: () =>
      Object.fromEntries(
        readdirSync(root, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => {
            const path = join(entry.parentPath, entry.name);
            return [
              path.slice(root.length + 1),
              createHash('sha256').update(readFileSync(path)).digest('hex'),
            ];
          }),
      ),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

export function arrival(fields: Partial<DryArrival> = {}): DryArrival {
  return {
    ehlo: 'client.example',
    auth: null,
    from: 'sender@shop.example',
    to: ['user@dest.example'],
    data: Buffer.from('From: a@shop.example\r\nSubject: hello\r\n\r\nbody\r\n'),
    peer: '127.0.0.1',
    meta: {},
    identity: null,
    ...fields,
  };
}
