/** `postyard kumod` as a child process on a policy of its own, and the records that it wrote. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { zstdDecompressSync } from 'node:zlib';
import { DEADLINE_MS } from './journey.ts';
import { eventually } from './serve-process.ts';

const root = join(import.meta.dirname, '../..');

export class StrictRun implements AsyncDisposable {
  readonly port: number;
  /** Where it runs; relative paths of the policy begin there. */
  readonly folder: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.folder = folder;
    this.port = port;
  }

  /**
   * With spools, records and a listener of its own before the text.
   * @param atInit Lua that runs at the end of `init`
   */
  static start(lua: string, atInit = ''): Promise<StrictRun> {
    const folder = mkdtempSync(join(tmpdir(), 'postyard-strict-'));
    const file = join(folder, 'init.lua');
    writeFileSync(file, `${strictPrelude(folder, atInit)}\n${lua}`);
    return StrictRun.startFile(file, folder);
  }

  /** @param folder where it runs and keeps its files; removed in the end */
  static async startFile(
    file: string,
    folder: string,
    env: NodeJS.ProcessEnv = {},
  ): Promise<StrictRun> {
    const child = spawn(
      join(root, 'node_modules/.bin/node'),
      [join(root, 'engine/main.ts'), 'kumod', '--policy', file, '--user', 'me'],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } },
    );
    const lines: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
    const port = await eventually(
      'strict mode is up',
      () => {
        if (child.exitCode !== null) throw new Error(lines.join('\n'));
        const isUp = lines.some((line) => line.includes('initialization complete'));
        const line = lines.find((text) => text.includes('smtp listener on'));
        return isUp ? Number(/:(\d+)$/.exec(line ?? '')?.[1]) : null;
      },
      DEADLINE_MS,
    );
    return new StrictRun(child, folder, port);
  }

  /** Stops it; its log segments are whole then. The records as JSON. */
  async records(): Promise<string[]> {
    await this.#stop('SIGTERM');
    const logs = join(this.folder, 'logs');
    return readdirSync(logs).flatMap((name) =>
      zstdDecompressSync(readFileSync(join(logs, name)))
        .toString()
        .split('\n')
        .filter((line) => line !== ''),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #stop(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill(signal);
    await ended;
  }
}

function strictPrelude(folder: string, atInit: string): string {
  for (const name of ['spool', 'mail']) mkdirSync(join(folder, name));
  return `local kumo = require 'kumo'
kumo.on('init', function()
  kumo.define_spool { name = 'data', path = '${folder}/spool/data' }
  kumo.define_spool { name = 'meta', path = '${folder}/spool/meta' }
  kumo.configure_local_logs { log_dir = '${folder}/logs' }
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
  ${atInit}
end)`;
}
