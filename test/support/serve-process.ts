/** `postyard serve` as a child process on a fresh workspace and free ports; for journeys, kills, benches and pictures. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EngineFile } from '../../engine/workspace/engine-file.ts';

const root = join(import.meta.dirname, '../..');
const START_DEADLINE_MS = 60_000;

export interface ServeOptions {
  /** An existing workspace to start again in; a fresh temporary folder otherwise. */
  readonly workspace?: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Text of `policy/init.lua`, written before the start. */
  readonly policy?: string;
  /** More files of the workspace: relative path to text. */
  readonly files?: Readonly<Record<string, string>>;
  /** Where it listens: any free ports, or what the settings say. */
  readonly addresses?: 'any' | 'settings';
}

export class ServeProcess {
  readonly workspace: string;
  readonly uiPort: number;
  readonly token: string;
  readonly lines: readonly string[];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, workspace: string, lines: readonly string[]) {
    this.#child = child;
    this.workspace = workspace;
    this.lines = lines;
    this.uiPort = portOf(lines, 'ui');
    this.token = (
      JSON.parse(readFileSync(join(workspace, '.postyard/engine.json'), 'utf8')) as EngineFile
    ).token;
  }

  static async start(options: ServeOptions = {}): Promise<ServeProcess> {
    const workspace = options.workspace ?? mkdtempSync(join(tmpdir(), 'postyard-ws-'));
    for (const [path, text] of Object.entries({
      ...(options.policy !== undefined && { 'policy/init.lua': options.policy }),
      ...options.files,
    })) {
      mkdirSync(dirname(join(workspace, path)), { recursive: true });
      writeFileSync(join(workspace, path), text);
    }
    const any =
      options.addresses === 'settings'
        ? []
        : ['--smtp', '127.0.0.1:0', '--http', '127.0.0.1:0', '--ui', '127.0.0.1:0'];
    const child = spawn(
      join(root, 'node_modules/.bin/node'),
      [
        join(root, 'engine/main.ts'),
        'serve',
        '--workspace',
        workspace,
        ...any,
        ...(options.args ?? []),
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        // As `build/bin/postyard.js` starts it.
        env: { MALLOC_ARENA_MAX: '2', ...process.env, ...options.env },
      },
    );
    const lines: string[] = [];
    child.stdout.resume();
    await new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(() => {
        child.kill('SIGKILL');
        reject(
          new Error(
            `The engine was not ready within ${START_DEADLINE_MS} ms:\n${lines.join('\n')}`,
          ),
        );
      }, START_DEADLINE_MS);
      child.once('exit', (code) => {
        clearTimeout(deadline);
        reject(new Error(`The engine ended with status ${code}:\n${lines.join('\n')}`));
      });
      createInterface({ input: child.stderr }).on('line', (line) => {
        lines.push(line);
        if (!line.includes('initialization complete')) return;
        clearTimeout(deadline);
        resolve();
      });
    });
    return new ServeProcess(child, workspace, lines);
  }

  /** Of the first ESMTP listener; 0 while the policy has started none. */
  get smtpPort(): number {
    return portOf(this.lines, 'smtp');
  }

  get httpPort(): number {
    return portOf(this.lines, 'http');
  }

  get url(): string {
    return `http://127.0.0.1:${this.uiPort}`;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** One call of the engine's API; throws with the answer's text when it is not a success. */
  async api<T>(
    path: string,
    body?: unknown,
    method: string = body === undefined ? 'GET' : 'POST',
  ): Promise<T> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** SIGTERM; resolves to the exit status. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  /** SIGKILL, at once. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops it if it runs and removes the workspace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGKILL');
    if (existsSync(this.workspace)) rmSync(this.workspace, { recursive: true, force: true });
  }

  #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null)
      return Promise.resolve(child.exitCode);
    return new Promise((resolve) => {
      child.once('exit', (code) => resolve(code));
      child.kill(signal);
    });
  }
}

function portOf(lines: readonly string[], service: string): number {
  const line = lines.find((text) => text.includes(`${service} listener on`));
  return Number(/:(\d+)$/.exec(line ?? '')?.[1] ?? 0);
}

/** Polls until `condition` gives a value; fails with `what` after the deadline. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = 15_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (performance.now() > end) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
