/** A policy with our extras in one context, and a way to fire its events. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SystemClock } from '../../../engine/base/clock.ts';
import { SpoolIdSource } from '../../../engine/base/ids.ts';
import { SeededRandom } from '../../../engine/base/random.ts';
import { LocalResolver } from '../../../engine/dns/local-resolver.ts';
import { ConnectionMeta } from '../../../engine/mail/connection-meta.ts';
import type { JsonObject } from '../../../engine/mail/json.ts';
import { Message } from '../../../engine/mail/message.ts';
import { allBindings } from '../../../engine/policy/bindings/all-groups.ts';
import { ConnectionMetaObject } from '../../../engine/policy/bindings/connection-meta.ts';
import type { CoreDeps } from '../../../engine/policy/bindings/core-deps.ts';
import { MessageObject } from '../../../engine/policy/bindings/message-object.ts';
import { ContextFactory } from '../../../engine/policy/context-factory.ts';
import { EventDispatcher } from '../../../engine/policy/event-dispatcher.ts';
import { Heartbeat } from '../../../engine/policy/heartbeat.ts';
import type { LuaValue } from '../../../engine/policy/lua/lua-value.ts';
import type { PolicyContext } from '../../../engine/policy/policy-context.ts';
import { PolicySource } from '../../../engine/policy/policy-source.ts';
import { PolicyWorld } from '../../../engine/policy/policy-world.ts';

const EXTRAS = resolve(import.meta.dirname, '../../../engine/policy-extras');

export class ExtrasWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'extras-test-'));
  readonly configured: [string, unknown][] = [];
  readonly printed: string[] = [];
  readonly world: PolicyWorld;
  readonly #clock = new SystemClock({ keepAlive: false });
  readonly #ids: SpoolIdSource;
  readonly #factory: ContextFactory;
  readonly #dispatcher = new EventDispatcher(this.#clock);
  #context: PolicyContext | null = null;

  constructor() {
    const random = new SeededRandom(1);
    this.#ids = new SpoolIdSource(this.#clock, random);
    const stdout = (bytes: Uint8Array): void =>
      void this.printed.push(Buffer.from(bytes).toString().trimEnd());
    this.world = new PolicyWorld({ isStrict: true, stdout });
    const record = (name: string) => (settings: unknown) => {
      this.configured.push([name, settings]);
      return Promise.resolve();
    };
    const deps = {
      mailClock: this.#clock,
      clock: this.#clock,
      random,
      ids: this.#ids,
      resolver: new LocalResolver({ clock: this.#clock, system: null }),
      mapPath: (path: string) => path,
      callEvent: () => Promise.reject(new Error('no events here')),
      services: {
        diagnostic: () => undefined,
        configureLogHook: record('log hook'),
        configureLogDispositionHook: record('disposition hook'),
      },
      guard: {},
      world: this.world,
    } as unknown as CoreDeps;
    this.#factory = new ContextFactory({
      world: this.world,
      bindings: allBindings(deps),
      clock: this.#clock,
      random,
      heartbeat: new Heartbeat(),
      budgetMs: null,
      memoryBytesMax: null,
      gate: null,
      warn: () => undefined,
    });
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Runs a policy whose text may use `FOLDER`. */
  async load(policy: string): Promise<void> {
    const text = `local kumo = require 'kumo'\nlocal FOLDER = ${JSON.stringify(this.folder)}\n${policy}`;
    const file = this.write('policy.lua', text);
    const options = { mapPath: (path: string) => path, extrasDir: EXTRAS };
    this.#context = await this.#factory.create(PolicySource.read(file, options));
  }

  /** What the handlers of an event returned; a raised error is thrown. */
  async fire(event: string, ...args: LuaValue[]): Promise<readonly LuaValue[]> {
    if (!this.#context) throw new Error('no policy is loaded');
    return this.#dispatcher.run(this.#context, {
      event,
      args,
      trace: null,
      convert: (values) => values,
      missing: () => ['missing'],
    });
  }

  message(init: { from?: string; to?: string; meta?: JsonObject; data?: string }): Message {
    const address = (email: string) => {
      const [user = '', domain = ''] = email.split('@');
      return { email, user, domain };
    };
    return new Message({
      id: this.#ids.next(),
      sender: address(init.from ?? 'sender@shop.test'),
      recipients: [address(init.to ?? 'user@box.test')],
      meta: init.meta ?? {},
      data: Buffer.from((init.data ?? 'From: <n@shop.test>\n\nhello\n').replaceAll('\n', '\r\n')),
    });
  }

  object(message: Message): MessageObject {
    return new MessageObject(message);
  }

  connection(meta: JsonObject): ConnectionMetaObject {
    const connection = new ConnectionMeta();
    for (const [key, value] of Object.entries(meta)) connection.set(key, value);
    return new ConnectionMetaObject(connection);
  }

  close(): void {
    if (this.#context) this.#factory.dispose(this.#context);
    rmSync(this.folder, { recursive: true });
  }
}
