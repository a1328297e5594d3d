/** `postyard doctor`: what is installed, which ports, what was remapped, whether the policy is well. */
import { existsSync, readFileSync, statSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import type { EngineStatus } from '../api/protocol.ts';
import { splitAddress } from '../compose/placement.ts';
import { VERSION } from '../compose/engine-core.ts';
import { problemText } from '../files/checked-jsonc.ts';
import { readRoutes } from '../routes/route-file.ts';
import { readEngineFile } from '../workspace/engine-file.ts';
import type { EngineFile } from '../workspace/engine-file.ts';
import { findWorkspace } from '../workspace/layout.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import type { Reach } from '../workspace/listen-addresses.ts';
import { loadSettings } from '../workspace/settings.ts';
import { callersFolder, readOptions } from './command.ts';
import type { Command } from './command.ts';
import { portHolder } from './port-holder.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Finding {
  readonly state: 'ok' | 'note' | 'bad';
  readonly text: string;
}

export const doctor: Command = {
  name: 'doctor',
  summary:
    'Say what is installed, which ports are used, what was remapped, whether the policy compiles',
  usage: 'doctor [--workspace DIR] [--expose]',
  options: [
    ['--workspace DIR', 'which workspace; status 1 when something is bad'],
    ['--expose', 'the engine will be started with it: other machines may reach its addresses'],
  ],
  async run(args) {
    const options = readOptions(args, {
      workspace: { type: 'string' },
      expose: { type: 'boolean' },
    });
    const layout = findWorkspace(options.workspace, callersFolder());
    const engine = readEngineFile(layout);
    const findings = [
      ...installed(),
      ...workspace(layout),
      ...(engine === null
        ? await stopped(layout, options.expose === true ? 'any' : 'own')
        : await running(engine)),
    ];
    for (const { state, text } of findings) process.stdout.write(`${state.padEnd(4)}  ${text}\n`);
    return findings.some((finding) => finding.state === 'bad') ? 1 : 0;
  },
};

function installed(): Finding[] {
  const electron = join(ROOT, 'node_modules/electron/path.txt');
  const renderer = join(ROOT, 'dist/renderer/index.html');
  return [
    {
      state: 'ok',
      text: `Postyard ${VERSION}, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
    },
    existsSync(electron)
      ? { state: 'ok', text: `Electron ${readFileSync(electron, 'utf8')}` }
      : {
          state: 'note',
          text: 'Electron binary: not fetched yet; npm start fetches it where there is a display, else the window opens in a browser',
        },
    existsSync(renderer)
      ? { state: 'ok', text: 'window: built' }
      : { state: 'note', text: 'window: not built yet; npm start builds it' },
    chromium(),
    process.execve !== undefined || process.platform === 'win32'
      ? { state: 'ok', text: `SQLite ${process.versions['sqlite'] ?? '?'}, Lua 5.4` }
      : { state: 'note', text: 'this Node cannot start the engine again in place' },
  ];
}

/** Only the tests and pictures of the window need it. */
function chromium(): Finding {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
  return found === undefined
    ? { state: 'note', text: 'Chromium: none on the PATH; only the tests of the window need it' }
    : { state: 'ok', text: `Chromium ${found}` };
}

function workspace(layout: WorkspaceLayout): Finding[] {
  if (existsSync(layout.root) && !statSync(layout.root).isDirectory())
    return [{ state: 'bad', text: `workspace ${layout.root} is a file, expected a folder` }];
  return [
    existsSync(layout.policyFile)
      ? { state: 'ok', text: `workspace ${layout.root}` }
      : {
          state: 'note',
          text: `workspace ${layout.root}: not there yet; the first start makes it`,
        },
    ...disk(layout),
  ];
}

/** Below this the store will soon be in trouble. */
const FREE_BYTES_MIN = 1_000_000_000;

function disk(layout: WorkspaceLayout): Finding[] {
  if (!existsSync(layout.root)) return [];
  const { bavail, bsize } = statfsSync(layout.root);
  const free = bavail * bsize;
  const text = `disk: ${(free / 1e9).toFixed(1)} GB free`;
  return [{ state: free < FREE_BYTES_MIN ? 'bad' : 'ok', text }];
}

/** No engine: would its ports be free? */
async function stopped(layout: WorkspaceLayout, reach: Reach): Promise<Finding[]> {
  const { settings, problem } = loadSettings(layout.settingsFile, { reach });
  const findings: Finding[] = [
    { state: 'note', text: 'no engine is running for this workspace' },
    ...problems([problem, routesProblem(layout)]),
  ];
  for (const [what, address] of [
    ['SMTP', settings.smtp],
    ['HTTP', settings.http],
    ['window', settings.ui],
  ] as const) {
    const isFree = await canListen(address);
    findings.push(
      isFree
        ? { state: 'ok', text: `${what} ${address} is free` }
        : {
            state: 'note',
            text: `${what} ${address} is taken${by(address)}; the next free port will be used`,
          },
    );
  }
  if (existsSync(layout.policyFile)) findings.push(...(await triedPolicy(layout)));
  findings.push(leaving(settings.captureLeaving, settings.openHosts));
  return findings;
}

async function triedPolicy(layout: WorkspaceLayout): Promise<Finding[]> {
  // Loaded when it is needed: it brings the whole engine along.
  const { tryPolicy } = await import('./try-policy.ts');
  const { problem, handlers, doubt } = await tryPolicy(layout);
  return [
    policyFinding('policy/init.lua', handlers.length, problem),
    ...(doubt === null ? [] : [{ state: 'bad', text: doubt } as const]),
  ];
}

function policyFinding(
  main: string,
  handlerCount: number,
  problem: { readonly file: string; readonly line: number | null; readonly message: string } | null,
): Finding {
  return problem === null
    ? { state: 'ok', text: `policy ${main}: ${handlerCount} events handled` }
    : { state: 'bad', text: `policy ${problem.file}:${problem.line ?? '?'}: ${problem.message}` };
}

function by(address: string): string {
  const holder = portHolder(splitAddress(address).port);
  return holder === null ? '' : ` by ${holder}`;
}

/** What becomes of mail for the world. */
function leaving(isCaptured: boolean, openHosts: readonly string[]): Finding {
  const rest = isCaptured ? 'is captured' : 'is refused by the guard';
  return openHosts.length === 0
    ? { state: 'ok', text: `nothing leaves this machine: mail for other hosts ${rest}` }
    : { state: 'note', text: `mail may leave to ${openHosts.join(', ')}; the rest ${rest}` };
}

async function running(engine: EngineFile): Promise<Finding[]> {
  const ask = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${engine.url}/api/v1${path}`, {
      headers: { authorization: `Bearer ${engine.token}` },
    });
    if (!response.ok) throw new Error(`${engine.url}${path} answered ${response.status}`);
    return (await response.json()) as T;
  };
  const status = await ask<EngineStatus>('/status');
  const { remaps } = await ask<{ remaps: readonly { what: string; from: string; to: string }[] }>(
    '/remaps',
  );
  const { policy } = status;
  return [
    { state: 'ok', text: `engine with pid ${engine.pid}, window ${engine.url}` },
    ...status.listeners.map(({ service, address, wanted }): Finding =>
      wanted === null
        ? { state: 'ok', text: `${service} ${address}` }
        : { state: 'note', text: `${service} ${address} (${wanted} was taken${by(wanted)})` },
    ),
    policyFinding(policy.file, policy.handlers.length, policy.error),
    ...remaps.map(({ what, from, to }): Finding => ({
      state: 'note',
      text: `remapped ${what}: ${from} -> ${to}`,
    })),
    ...problems([...status.warnings, routesText(status)]),
    ...(policy.needsRestart === null
      ? []
      : [{ state: 'note', text: `restart needed: ${policy.needsRestart}` } as const]),
    leaving(status.captureLeaving, status.openHosts),
    {
      state: 'ok',
      text: `${status.mailCount} rows kept, ${status.queued} messages queued, mail clock ×${status.clock.speed}`,
    },
  ];
}

/** What is wrong with the routes of a workspace whose engine is not running. */
function routesProblem({ routesFile }: WorkspaceLayout): string | null {
  if (!existsSync(routesFile)) return null;
  const read = readRoutes(readFileSync(routesFile, 'utf8'));
  return read.ok ? null : `${problemText(routesFile, read.problem)}; no route is in force`;
}

function routesText({ routes }: EngineStatus): string | null {
  const problem = routes?.problem ?? null;
  return problem === null ? null : `routes.json: ${problem}; the routes stay as they were`;
}

function problems(texts: readonly (string | null)[]): Finding[] {
  return texts.filter((text) => text !== null).map((text) => ({ state: 'bad', text }));
}

function canListen(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(splitAddress(address), () => server.close(() => resolve(true)));
  });
}
