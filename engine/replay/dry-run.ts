/**
 * One dry run: a policy made ready once, through which messages go one after the other, each as far
 * as the door it would leave by. Used by explain (one message), expectations (one message each) and
 * replay (many, so that what one changed the next one meets).
 *
 * States: open (`problem` says whether the policy works), closed.
 */
import { toError } from '../base/assert.ts';
import { CallTrace } from '../delivery/attempt.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { JsonObject } from '../mail/json.ts';
import { Message } from '../mail/message.ts';
import { parseEnvelopeAddress } from '../mail/path.ts';
import type { EventCall } from '../policy/event-call.ts';
import { PolicyReject } from '../policy/events.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { PolicyProblem } from '../policy/script-host.ts';
import type { EsmtpListenerSettings } from '../policy/settings.ts';
import type { LeavingPolicy, QueueConfigOverlay } from '../queue/queue-deps.ts';
import type { ReceptionMode } from '../reception/mode.ts';
import type { ReceptionOverlay } from '../reception/overlay.ts';
import type { RowState } from '../store/store.ts';
import { DryPolicy } from './dry-policy.ts';
import type { DryOptions, DrySurroundings } from './dry-policy.ts';
import { DryQueues } from './dry-queues.ts';
import type { DryQueuesParts, Placement } from './dry-queues.ts';
import { receiveDry, within } from './dry-reception.ts';
import type { DryArrival, DryReception } from './dry-reception.ts';
import type { HostCallEntry } from './host-call-log.ts';
import { changesBetween, lookAt, NO_CHANGES } from './message-changes.ts';
import type { MessageChanges } from './message-changes.ts';

export interface Overlays {
  readonly reception: ReceptionOverlay | null;
  readonly queueConfig: QueueConfigOverlay | null;
}

/** Routes by name whose switch is taken to be on or off. */
export type RouteSwitches = Readonly<Record<string, boolean>>;

/** All that dry runs of one workspace stand on. */
export interface DryBench extends DrySurroundings {
  readonly mode: ReceptionMode;
  readonly overlays: (switches: RouteSwitches, policy: DryPolicy) => Overlays;
  readonly leaving: (resolver: Resolver) => LeavingPolicy | null;
  readonly mapMaildirPath: DryQueuesParts['mapMaildirPath'];
  readonly placeOf: DryQueuesParts['placeOf'];
}

export interface DryRunOptions extends DryOptions {
  readonly routes?: RouteSwitches | undefined;
}

export interface DryRecipient {
  readonly to: string;
  readonly state: RowState;
  readonly code: number;
  readonly text: string;
  /** Null: refused before there was one. */
  readonly message: Message | null;
  readonly queue: string | null;
  readonly placement: Placement | null;
  /** Which of the placement's maildirs is this recipient's. */
  readonly index: number;
  /** Why it has no placement although it would be queued. */
  readonly problem: string | null;
  readonly changes: MessageChanges;
  /** Events after the reply: what the queue asked. */
  readonly events: readonly EventCall[];
}

export interface DryOutcome {
  readonly reception: DryReception;
  readonly recipients: readonly DryRecipient[];
  readonly calls: readonly HostCallEntry[];
  readonly durationMs: number;
}

/** A message that no SMTP client sent. */
export interface Injected {
  readonly from: string;
  readonly to: string;
  readonly data: Uint8Array;
  readonly meta: JsonObject;
  /** Only HTTP injection asks the policy. */
  readonly protocol: 'HTTP' | 'Lua' | 'LogRecord';
}

export class DryRun {
  readonly policy: DryPolicy;
  /** The policy could not be loaded, or its `init` failed. */
  readonly problem: PolicyProblem | null;
  /** Calls made while the policy file and `init` ran. */
  readonly startCalls: readonly HostCallEntry[];
  readonly #bench: DryBench;
  readonly #overlays: Overlays;

  private constructor(
    bench: DryBench,
    policy: DryPolicy,
    started: { problem: PolicyProblem | null; overlays: Overlays },
  ) {
    this.#bench = bench;
    this.policy = policy;
    this.problem = started.problem;
    this.#overlays = started.overlays;
    this.startCalls = policy.takeCalls();
  }

  static async open(bench: DryBench, options: DryRunOptions): Promise<DryRun> {
    const policy = new DryPolicy(bench, options);
    try {
      const problem = await within(policy.clock, policy.start());
      const overlays = bench.overlays(options.routes ?? {}, policy);
      return new DryRun(bench, policy, { problem, overlays });
    } catch (error) {
      await policy.close();
      throw error;
    }
  }

  /** The listener that would take the message: the one named, else the policy's first. */
  listener(name: string | null = null): EsmtpListenerSettings | null {
    const { esmtpListeners } = this.policy.services;
    return esmtpListeners.find(({ listen }) => listen === name) ?? esmtpListeners[0] ?? null;
  }

  /** @throws {Error} the policy starts no listener, or the run takes too long */
  async receive(arrival: DryArrival): Promise<DryOutcome> {
    const listener = this.listener();
    if (listener === null) {
      throw new Error('Cannot receive: the policy starts no ESMTP listener, expected one in init');
    }
    const startedMs = this.policy.clock.monotonic();
    let queues: DryQueues | null = null;
    const reception = await receiveDry(
      {
        policy: this.policy,
        queues: (events) => (queues = this.#queues(events)),
        overlay: this.#overlays.reception,
        listener,
        mode: this.#bench.mode,
      },
      arrival,
    );
    const recipients = await this.#recipients(reception, arrival, queues ?? this.#queues());
    return this.#outcome(reception, recipients, startedMs);
  }

  /** As HTTP injection, the policy itself or a log hook would bring it. */
  async inject(injected: Injected): Promise<DryOutcome> {
    const { policy } = this;
    const startedMs = policy.clock.monotonic();
    const trace = new CallTrace(policy.clock);
    const message = new Message({
      id: policy.ids.next(),
      sender: parseEnvelopeAddress(injected.from),
      recipients: [parseEnvelopeAddress(injected.to)],
      meta: { ...injected.meta },
      data: injected.data,
    });
    const before = lookAt(message);
    const fate = await this.#injectedFate(message, injected.protocol, trace);
    const changes = changesBetween(before, lookAt(message));
    const placed =
      fate.state === 'queued' ? await this.#place(message, this.#queues()) : NOT_PLACED;
    const reception: DryReception = {
      story: { recipients: [], last: fate, verb: 'DATA' },
      stored: null,
      transcript: [],
      events: trace.calls,
      changesOf: () => changes,
      listener: '',
    };
    const queue = message.queueName();
    const to = injected.to;
    const recipient = { to, ...fate, message, queue, index: 0, changes, ...placed };
    return this.#outcome(reception, [recipient], startedMs);
  }

  async close(): Promise<void> {
    await this.policy.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #outcome(
    reception: DryReception,
    recipients: readonly DryRecipient[],
    startedMs: number,
  ): DryOutcome {
    const durationMs = this.policy.clock.monotonic() - startedMs;
    return { reception, recipients, calls: this.policy.takeCalls(), durationMs };
  }

  #queues(events: PolicyEvents = this.policy.events): DryQueues {
    const { leaving, guard, mapMaildirPath, placeOf } = this.#bench;
    return new DryQueues({
      policy: this.policy,
      events,
      overlay: this.#overlays.queueConfig,
      leaving: leaving(this.policy.resolver),
      guard,
      mapMaildirPath,
      placeOf,
    });
  }

  async #injectedFate(
    message: Message,
    protocol: Injected['protocol'],
    trace: CallTrace,
  ): Promise<{ state: RowState; code: number; text: string }> {
    const { events, clock } = this.policy;
    const auth = { peerAddress: '127.0.0.1', identities: [], groups: [] };
    try {
      if (protocol === 'HTTP')
        await within(clock, events.httpMessageGenerated(message, auth, trace));
    } catch (error) {
      if (error instanceof PolicyReject)
        return { state: 'rejected', code: error.code, text: error.text };
      throw error;
    }
    if (message.getMeta('queue') === 'null') return { state: 'null', code: 250, text: '' };
    const context = { sessionId: '', listener: '', peerIp: '127.0.0.1', trace };
    const verdict = await this.#overlays.reception?.apply(message, context);
    if (verdict === undefined || verdict === 'keep' || verdict.kind === 'divide')
      return { state: 'queued', code: 250, text: '' };
    if (verdict.kind === 'discard') return { state: verdict.state, code: 250, text: '' };
    return { state: verdict.state, code: verdict.code, text: verdict.text };
  }

  async #recipients(
    reception: DryReception,
    arrival: DryArrival,
    queues: DryQueues,
  ): Promise<DryRecipient[]> {
    const found: DryRecipient[] = [];
    const { last } = reception.story;
    for (const { message, queue, state } of reception.stored?.messages ?? []) {
      const placed = state === 'queued' ? await this.#place(message, queues) : NOT_PLACED;
      for (const [index, { email }] of message.recipients.entries()) {
        const { code, text } = last;
        const changes = reception.changesOf(message);
        found.push({ to: email, state, code, text, message, queue, index, changes, ...placed });
      }
    }
    for (const { recipient, state, code, text } of reception.stored?.refused ?? []) {
      if (recipient === null) continue;
      found.push({ ...REFUSED, to: recipient, state, code: code ?? last.code, text });
    }
    return arrival.to.map((to, index) => {
      const at = found.findIndex((one) => one.to.toLowerCase() === to.toLowerCase());
      const [own] = at < 0 ? [] : found.splice(at, 1);
      const { code, text } = reception.story.recipients[index] ?? last;
      const shown = code < 300 ? last : { code, text };
      return own ?? { ...REFUSED, to, ...shown };
    });
  }

  async #place(
    message: Message,
    queues: DryQueues,
  ): Promise<Pick<DryRecipient, 'placement' | 'problem' | 'events'>> {
    const trace = new CallTrace(this.policy.clock);
    try {
      const placement = await within(this.policy.clock, queues.place(message, trace));
      return { placement, problem: null, events: trace.calls };
    } catch (error) {
      return { placement: null, problem: toError(error).message, events: trace.calls };
    }
  }
}

const NOT_PLACED = { placement: null, problem: null, events: [] } as const;
const REFUSED = {
  state: 'rejected',
  message: null,
  queue: null,
  index: 0,
  changes: NO_CHANGES,
  ...NOT_PLACED,
} as const;
