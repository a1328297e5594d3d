/**
 * A delivering client with everything it needs, for tests: sessions to scripted sinks on loopback,
 * closed and checked for leftovers by `end()`.
 */
import { expect, vi } from 'vitest';
import { SeededRandom } from '../../engine/base/random.ts';
import type {
  AttemptReport,
  DeliverySession,
  SmtpSessionSettings,
} from '../../engine/delivery/deliverer.ts';
import { SmtpClientDeliverer } from '../../engine/delivery/smtp-deliverer.ts';
import type { SmtpDelivererDeps } from '../../engine/delivery/smtp-deliverer.ts';
import { LocalResolver } from '../../engine/dns/local-resolver.ts';
import type { LedgerRow } from '../../engine/guard/guard.ts';
import { LoopbackGuard } from '../../engine/guard/loopback-guard.ts';
import type { Message } from '../../engine/mail/message.ts';
import { flatten } from '../../engine/mail/smtp-reply.ts';
import type { EgressPathConfig, KeySource, MxListEntry } from '../../engine/policy/settings.ts';
import { CountingClock, testEvents, testMessage, testPath, testSource } from './delivery.ts';
import { SmtpSink } from './smtp-sink.ts';
import type { SinkScript } from './smtp-sink.ts';

export class TestSmtpClient {
  readonly clock = new CountingClock();
  readonly ledger: LedgerRow[] = [];
  readonly guard = new LoopbackGuard({
    clock: this.clock,
    ledger: (row) => this.ledger.push(row),
    allowUnixSockets: true,
  });
  readonly #sinks: SmtpSink[] = [];
  readonly #sessions: DeliverySession[] = [];
  deliverer: SmtpClientDeliverer;

  constructor(deps: Partial<SmtpDelivererDeps> = {}) {
    const resolver = new LocalResolver({ clock: this.clock, system: null });
    resolver.configureTestResolver([], []);
    this.deliverer = new SmtpClientDeliverer({
      clock: this.clock,
      mailClock: this.clock,
      random: new SeededRandom(1),
      guard: this.guard,
      resolver,
      events: testEvents(),
      hostname: 'this.host.test',
      readKey: async (source: KeySource) =>
        source.kind === 'data' ? source.data : Buffer.from(''),
      isStrict: true,
      ...deps,
    });
  }

  async sink(script: SinkScript = {}): Promise<SmtpSink> {
    const sink = await SmtpSink.start(script);
    this.#sinks.push(sink);
    return sink;
  }

  open(
    ports: readonly number[],
    path: Partial<EgressPathConfig> = {},
    fields: Partial<SmtpSessionSettings> = {},
  ): DeliverySession {
    const mxList = ports.map((port, index): MxListEntry => ({
      kind: 'resolved',
      name: `mx${index + 1}.sink.test`,
      addr: `127.0.0.1:${port}`,
    }));
    const session = this.deliverer.open({
      sessionId: 'session',
      readyQueue: 'unspecified->mx_list:site@smtp_client',
      domain: 'dest.test',
      routingDomain: null,
      tenant: null,
      campaign: null,
      mxList,
      source: testSource(),
      path: testPath(path),
      ...fields,
    });
    this.#sessions.push(session);
    return session;
  }

  /** A planned session. */
  async planned(
    ports: readonly number[],
    path: Partial<EgressPathConfig> = {},
    fields: Partial<SmtpSessionSettings> = {},
  ): Promise<DeliverySession> {
    const session = this.open(ports, path, fields);
    await session.plan();
    return session;
  }

  /** One message to one sink over a session of its own. */
  async once(
    sink: SmtpSink,
    path: Partial<EgressPathConfig> = {},
    message = testMessage(),
  ): Promise<AttemptReport> {
    const session = await this.planned([sink.port], path);
    return deliver(session, message);
  }

  /** The message of the error with which no candidate could be reached. */
  async connectError(
    ports: readonly number[],
    path: Partial<EgressPathConfig> = {},
    fields: Partial<SmtpSessionSettings> = {},
  ): Promise<string> {
    const session = await this.planned(ports, path, fields);
    const error: unknown = await session.connect([testMessage()]).then(
      () => 'connected',
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ name: 'ConnectFailure' });
    expect(session.isExhausted).toBe(true);
    return (error as Error).message;
  }

  /** Closes what is open, and finds nothing left behind. */
  async end(): Promise<void> {
    for (const session of this.#sessions.splice(0)) await session.close();
    await vi.waitFor(() => {
      expect(this.#sinks.map((sink) => sink.openCount)).toEqual(this.#sinks.map(() => 0));
    }, 3000);
    for (const sink of this.#sinks.splice(0)) await sink.close();
    expect(this.clock.pending, 'timers still running').toBe(0);
    await vi.waitFor(() => {
      const sockets = process.getActiveResourcesInfo().filter((name) => /TCP.*Wrap/.test(name));
      expect(sockets).toEqual([]);
    }, 3000);
  }
}

export async function deliver(
  session: DeliverySession,
  message: Message = testMessage(),
): Promise<AttemptReport> {
  await session.connect([message]);
  return session.deliver([message]);
}

/** `deferred 0,2 451 4.2.1 text [command]` per outcome. */
export function outcomes(report: AttemptReport): string[] {
  return report.outcomes.map(({ kind, recipients, reply, tooManyRecipients }) => {
    const { enhanced, code, text, command } = reply;
    const status = enhanced ? `${enhanced.class}.${enhanced.subject}.${enhanced.detail} ` : '';
    const who = recipients === 'all' ? 'all' : recipients.join(',');
    const mark = tooManyRecipients ? ' too-many' : '';
    const asked = command === null ? '' : ` [${command.replace('\r\n', '')}]`;
    return `${kind}${mark} ${who} ${code} ${status}${flatten(text)}${asked}`;
  });
}

export function transcriptOf(report: AttemptReport): string[] {
  return report.transcript.map(({ who, text }) => `${who} ${text}`);
}
