/** A dry run as a Journey: what would happen to one recipient, in order. Pure. */
import { spanText } from '../queue/retry-schedule.ts';
import type { EventCall } from '../policy/event-call.ts';
import type { Placement } from '../replay/dry-queues.ts';
import type { DryOutcome, DryRecipient } from '../replay/dry-run.ts';
import { conversationSteps } from './journey-conversation.ts';
import { callSteps, originOfName, part, step } from './journey.ts';
import type { JourneyPart, JourneyStep } from './protocol.ts';
import { sourceLinkOf } from './waiting-words.ts';

export function explainedParts(
  outcome: DryOutcome,
  recipient: DryRecipient,
  nowMs: number,
  peer: string,
): JourneyPart[] {
  const { reception } = outcome;
  const isRefused = recipient.message === null;
  const calls = callsFor(reception.events, recipient);
  const parts: JourneyPart[] = [
    part({
      kind: 'reception',
      atMs: nowMs,
      title: 'Reception',
      detail: reception.listener === '' ? 'injected' : `listener ${reception.listener}`,
      state: isRefused ? recipient.state : null,
      code: isRefused ? recipient.code : null,
      steps: conversationSteps(reception.transcript, peer),
    }),
  ];
  if (calls.length > 0) {
    parts.push(
      part({
        kind: 'policy',
        atMs: nowMs,
        title: 'Policy',
        durationMs: calls.reduce((sum, call) => sum + call.durationMs, 0),
        steps: calls.flatMap(callSteps),
      }),
    );
  }
  if (recipient.queue !== null) parts.push(queuePart(recipient, nowMs));
  const { placement } = recipient;
  if (placement !== null) parts.push(...placementParts(placement, recipient, nowMs));
  return parts;
}

/** Why the message is in its queue, in a sentence. */
export function queueWhy({ queue, message }: DryRecipient): string | null {
  if (queue === null) return null;
  if (queue === 'null') return 'The null queue: accepted and discarded, nothing is delivered';
  const routed = message?.routeName ?? null;
  if (routed !== null) return `Route ${routed} decided it`;
  const named = message?.getMeta('queue');
  if (typeof named === 'string') return `The policy set the meta queue to ${named}`;
  return originOfName(queue);
}

export function configWhy(placement: Placement): string {
  switch (placement.configSource.kind) {
    case 'route':
      return `Route ${placement.configSource.route} answers for this queue`;
    case 'handler':
      return 'The policy’s get_queue_config answered';
    case 'built-in':
      return 'This queue’s configuration is built in';
    case 'defaults':
      return 'Nobody answered get_queue_config: the defaults apply';
  }
}

/** Calls about the other messages of the transaction are theirs. */
function callsFor(calls: readonly EventCall[], { message, queue }: DryRecipient): EventCall[] {
  const own = message === null ? null : `message ${message.id}`;
  return calls.filter((call) => {
    const [first] = call.args;
    if (call.event === 'get_queue_config') return queue === null || isAbout(call, queue);
    const isOfMessage = first !== undefined && /^message [0-9a-f]{32}$/.test(first);
    const isPerMessage = call.event === 'smtp_server_message_received';
    return own === null || !isOfMessage || !isPerMessage || first === own;
  });
}

function isAbout(call: EventCall, queue: string): boolean {
  const texts = call.args.filter((arg) => arg !== 'nil').map((arg) => arg.replace(/^"|"$/g, ''));
  return texts.every((text) => queue.includes(text));
}

function queuePart(recipient: DryRecipient, nowMs: number): JourneyPart {
  const { placement, problem } = recipient;
  const steps: JourneyStep[] = [];
  const why = queueWhy(recipient);
  if (why !== null) steps.push(step('why', why));
  if (placement !== null) {
    steps.push({
      ...step('why', configWhy(placement)),
      source: sourceLinkOf(placement.configSource),
    });
  }
  if (problem !== null) steps.push(step('error', problem));
  return part({ kind: 'queue', atMs: nowMs, title: recipient.queue ?? '', steps });
}

function placementParts(
  placement: Placement,
  recipient: DryRecipient,
  nowMs: number,
): JourneyPart[] {
  const parts: JourneyPart[] = [];
  if (recipient.events.length > 0) {
    parts.push(
      part({
        kind: 'policy',
        atMs: nowMs,
        title: 'Policy, on the way out',
        steps: recipient.events.flatMap(callSteps),
      }),
    );
  }
  const notes = placement.notes.map((note) => step('why', note));
  if (placement.site !== null || placement.plan.length > 0 || notes.length > 0) {
    parts.push(
      part({
        kind: 'plan',
        atMs: nowMs,
        title: placement.protocol.kind === 'smtp' ? 'Connection plan' : 'Egress path',
        detail: [
          placement.pool !== null && `pool ${placement.pool}`,
          placement.source !== null && `source ${placement.source}`,
          placement.site !== null && `path ${placement.site}`,
        ]
          .filter(Boolean)
          .join(', '),
        steps: [...placement.plan.map(hostStep), ...notes],
      }),
    );
  }
  parts.push(deliveryPart(placement, recipient, nowMs), ...retryParts(placement, nowMs));
  return parts;
}

function hostStep(host: Placement['plan'][number], index: number): JourneyStep {
  const address = host.ip.includes(':') ? `[${host.ip}]:${host.port}` : `${host.ip}:${host.port}`;
  return {
    ...step('line', `${host.name} ${address}`),
    what: String(index + 1),
    result: `port from ${portWords(host.portFrom)}`,
  };
}

function portWords(rule: string): string {
  return rule === 'entry' ? 'the entry itself' : rule;
}

function deliveryPart(placement: Placement, recipient: DryRecipient, nowMs: number): JourneyPart {
  const maildir = placement.maildirs[recipient.index] ?? null;
  if (placement.captured !== null) {
    return part({
      kind: 'maildir',
      atMs: placement.dueMs,
      title: 'Captured instead of leaving',
      detail: placement.captured === '' ? '' : `would have gone to ${placement.captured}`,
      steps: maildir === null ? [] : [step('line', maildir)],
    });
  }
  if (maildir !== null) {
    return part({
      kind: 'maildir',
      atMs: placement.dueMs,
      title: 'Maildir',
      steps: [step('line', maildir)],
    });
  }
  const waitMs = Math.max(0, placement.dueMs - nowMs);
  return part({
    kind: 'attempt',
    atMs: placement.dueMs,
    title: 'First attempt',
    detail: [
      targetOf(placement),
      waitMs > 0 ? `due in ${spanText(Math.round(waitMs / 1000) * 1000)}` : '',
    ]
      .filter((text) => text !== '')
      .join(', '),
  });
}

function retryParts(placement: Placement, nowMs: number): JourneyPart[] {
  const ahead = placement.retries.slice(1);
  const [first] = ahead;
  if (first === undefined || placement.protocol.kind === 'null') return [];
  return [
    part({
      kind: 'wait',
      atMs: nowMs,
      title: 'If every attempt fails',
      detail: first.arithmetic,
      durationMs: Math.max(0, first.atMs - placement.dueMs),
      steps: ahead.map((attempt, index) => ({
        ...step('line', attempt.arithmetic),
        what: attempt.expires ? 'expires' : `attempt ${index + 2}`,
        result: `after ${spanText(Math.round((attempt.atMs - placement.dueMs) / 1000) * 1000)}`,
      })),
    }),
  ];
}

/** Hosts, constructor or path, in a few words. */
export function targetOf(placement: Placement): string {
  const { protocol, plan } = placement;
  switch (protocol.kind) {
    case 'smtp':
      if (plan.length > 0) return plan.map(({ name, port }) => `${name}:${port}`).join(', ');
      return protocol.mxList
        .map((entry) => (entry.kind === 'name' ? entry.label : entry.addr))
        .join(', ');
    case 'maildir':
      return protocol.path;
    case 'lua':
      return protocol.constructor_;
    case 'xfer':
      return protocol.target;
    default:
      return '';
  }
}
