/**
 * A `ScriptHost` for tests: a policy text in a temporary folder, real bindings, services that only
 * remember what they were asked.
 *
 *     await using policy = await TestPolicy.load(`kumo.on('init', function() … end)`);
 *     await policy.host.init();
 *     expect(policy.asked).toEqual([...]);
 */
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Clock } from '../../engine/base/clock.ts';
import { SystemClock } from '../../engine/base/clock.ts';
import { SpoolIdSource } from '../../engine/base/ids.ts';
import { SeededRandom } from '../../engine/base/random.ts';
import { LocalResolver } from '../../engine/dns/local-resolver.ts';
import type { Resolver } from '../../engine/dns/resolver.ts';
import { GuardRefusal, type Guard } from '../../engine/guard/guard.ts';
import { ConnectionMeta } from '../../engine/mail/connection-meta.ts';
import { Message } from '../../engine/mail/message.ts';
import { parseEnvelopeAddress } from '../../engine/mail/path.ts';
import type { EventCall, EventTrace } from '../../engine/policy/event-call.ts';
import {
  ScriptHost,
  type LoadResult,
  type ScriptHostOptions,
} from '../../engine/policy/script-host.ts';
import type { PolicyServices } from '../../engine/policy/services.ts';

const EXTRAS_DIR = resolve(import.meta.dirname, '../../engine/policy-extras');

export interface TestPolicyOptions {
  readonly isStrict?: boolean;
  readonly isValidating?: boolean;
  readonly mailClock?: Clock;
  readonly clock?: Clock;
  readonly resolver?: Resolver;
  readonly services?: Partial<PolicyServices>;
  readonly extrasDir?: string | null;
  readonly budgetMs?: number | null;
  readonly memoryBytesMax?: number | null;
  readonly gate?: ScriptHostOptions['gate'];
  /** More files beside the policy: path to text. */
  readonly files?: Readonly<Record<string, string>>;
  readonly mapPath?: (path: string, mode: 'read' | 'write') => string;
}

export class TestPolicy {
  readonly folder: string;
  readonly file: string;
  readonly host: ScriptHost;
  /** Calls of services, as `[method, argument]`. */
  readonly asked: [string, unknown][] = [];
  readonly diagnostics: string[] = [];
  /** What strict mode wrote to stdout. */
  stdout = '';
  exitCode: number | null = null;
  readonly #clock: Clock;
  readonly #ids: SpoolIdSource;

  private constructor(options: TestPolicyOptions) {
    this.folder = mkdtempSync(join(tmpdir(), 'policy-'));
    this.file = join(this.folder, 'init.lua');
    this.#clock = options.clock ?? new SystemClock({ keepAlive: false });
    const mailClock = options.mailClock ?? this.#clock;
    const random = new SeededRandom(7);
    this.#ids = new SpoolIdSource(mailClock, random);
    const { isStrict = true, gate } = options;
    for (const [path, text] of Object.entries(options.files ?? {})) this.write(path, text);
    this.host = new ScriptHost({
      deps: {
        mailClock,
        clock: this.#clock,
        random,
        ids: this.#ids,
        services: { ...this.#services(), ...options.services },
        guard: loopbackGuard,
        resolver: options.resolver ?? new LocalResolver({ clock: mailClock, system: null }),
        mapPath: options.mapPath ?? ((path) => path),
      },
      isStrict,
      isValidating: options.isValidating ?? false,
      extrasDir: options.extrasDir === undefined ? EXTRAS_DIR : options.extrasDir,
      ...(options.budgetMs === undefined ? {} : { budgetMs: options.budgetMs }),
      ...(options.memoryBytesMax === undefined ? {} : { memoryBytesMax: options.memoryBytesMax }),
      ...(gate ? { gate } : {}),
      stdout: (bytes) => {
        this.stdout += Buffer.from(bytes).toString('utf8');
      },
      exit: (code) => {
        this.exitCode = code;
      },
    });
  }

  /** Loads a policy that has to work; `kumo` and `FOLDER` are local variables of its first line. */
  static async load(text: string, options: TestPolicyOptions = {}): Promise<TestPolicy> {
    const policy = new TestPolicy(options);
    const result = await policy.replace(text);
    if (!result.ok) throw new Error(result.error.message);
    return policy;
  }

  /** Loads a policy that may be broken. */
  static async tryLoad(
    text: string,
    options: TestPolicyOptions = {},
  ): Promise<{ policy: TestPolicy; result: LoadResult }> {
    const policy = new TestPolicy(options);
    return { policy, result: await policy.replace(text) };
  }

  replace(text: string): Promise<LoadResult> {
    const folder = JSON.stringify(this.folder);
    this.write('init.lua', `local kumo = require 'kumo' local FOLDER = ${folder} ${text}`);
    return this.host.load(this.file);
  }

  write(path: string, text: string): void {
    const full = join(this.folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  }

  message(
    options: { from?: string; to?: string | string[]; data?: string; meta?: Message['meta'] } = {},
  ): Message {
    const to = options.to ?? 'rcpt@dest.test';
    return new Message({
      id: this.#ids.next(),
      sender: parseEnvelopeAddress(options.from ?? 'sender@shop.test'),
      recipients: [to].flat().map(parseEnvelopeAddress),
      meta: options.meta ?? {},
      data: Buffer.from(options.data ?? 'From: a@shop.test\r\nSubject: hello\r\n\r\nbody\r\n'),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #services(): PolicyServices {
    const note =
      (name: string) =>
      (...args: unknown[]): Promise<void> => {
        this.asked.push([name, args.length > 1 ? args : args[0]]);
        return Promise.resolve();
      };
    return {
      startEsmtpListener: note('startEsmtpListener'),
      startHttpListener: note('startHttpListener'),
      defineSpool: note('defineSpool'),
      configureLocalLogs: note('configureLocalLogs'),
      configureLogHook: note('configureLogHook'),
      configureLogDispositionHook: note('configureLogDispositionHook'),
      configureBounceClassifier: note('configureBounceClassifier'),
      configureAcctLog: note('configureAcctLog'),
      configureAccountingDb: note('configureAccountingDb'),
      injectMessage: note('injectMessage'),
      saveMessage: note('saveMessage'),
      injectV1: async (...args) => {
        await note('injectV1')(...args);
        return { success_count: 1, fail_count: 0, failed_recipients: [], errors: [] };
      },
      buildV1: async (...args) => {
        await note('buildV1')(...args);
        return [];
      },
      admin: async (...args) => {
        await note('admin')(...args);
        return [];
      },
      bumpConfigEpoch: () => {
        this.asked.push(['bumpConfigEpoch', undefined]);
      },
      diagnostic: (level, text) => {
        this.diagnostics.push(`${level} ${text}`);
      },
    };
  }
}

const loopbackGuard: Guard = {
  allows: ({ host }) => host === '127.0.0.1',
  dial: ({ host }) => Promise.reject(new GuardRefusal(host)),
  dialDatagram: ({ host }) => Promise.reject(new GuardRefusal(host)),
  refuse: (_kind, host) => new GuardRefusal(host),
  openHosts: () => [],
};

export function connectionMeta(values: Readonly<Record<string, string>> = {}): ConnectionMeta {
  const meta = new ConnectionMeta();
  for (const [key, value] of Object.entries(values)) meta.set(key, value);
  return meta;
}

/** A trace that keeps its calls. */
export class KeptTrace implements EventTrace {
  readonly calls: EventCall[] = [];
  elapsedMs(): number {
    return 0;
  }
  add(call: EventCall): void {
    this.calls.push(call);
  }
}
