/**
 * From replies to outcomes: the policy may rewrite a status, replies are classified, "too many
 * recipients" is set apart, and recipients with the same reply (command included) are grouped.
 *
 * Source: reference `queues-delivery.md` §3.11 rows 26-28 and 32, §5.6; recorded records.
 */
import { debugDuration } from '../base/rust-duration.ts';
import type { ResolvedAddress } from '../dns/resolver.ts';
import type { Message } from '../mail/message.ts';
import { parseQueueName } from '../mail/queue-name.ts';
import { plainReply, singleLine } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { EventTrace } from '../policy/event-call.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { Outcome } from './deliverer.ts';
import { classify, tooManyRecipients } from './smtp-classify.ts';
import type { Verdict } from './smtp-classify.ts';
import type { ClientError } from './smtp-client-error.ts';
import { debugAddress, debugCommand, debugOption } from './smtp-debug-text.ts';
import type { RecipientReply } from './smtp-transaction.ts';

/** An outcome that always names its recipients. */
export interface SmtpOutcome extends Outcome {
  readonly kind: Verdict;
  readonly recipients: readonly number[];
}

/** A batch of recipients, as indexes into the message's, with what each was answered. */
interface BatchReplies {
  readonly indexes: readonly number[];
  readonly replies: readonly RecipientReply[];
  /** Addresses of the previous transaction of this session. */
  readonly previous: ReadonlySet<string>;
}

interface JudgeOptions {
  readonly message: Message;
  /** `Uncategorized` when no bounce classifier is configured. */
  readonly bounceClass: (reply: SmtpReply) => string;
  /** KumoMTA logs a 2xx to RCPT or DATA as a delivery although nothing was sent. */
  readonly deliversUnsent: boolean;
}

/** Outcomes in the order of their first recipient. */
export function judgeBatch(batch: BatchReplies, options: JudgeOptions): SmtpOutcome[] {
  const groups = new Map<string, { outcome: SmtpOutcome; recipients: number[] }>();
  for (const [position, index] of batch.indexes.entries()) {
    const answer = batch.replies[position];
    if (!answer) continue;
    const isTooMany = position > 0 && isTooManyFor(index, answer, batch, options);
    const key = JSON.stringify([answer.reply, isTooMany]);
    const group = groups.get(key);
    if (group) {
      group.recipients.push(index);
      continue;
    }
    const recipients = [index];
    const outcome: SmtpOutcome = {
      kind: kindOf(answer, options),
      recipients,
      reply: answer.reply,
      ...(isTooMany ? { tooManyRecipients: true } : {}),
    };
    groups.set(key, { outcome, recipients });
  }
  return [...groups.values()].map((group) => group.outcome);
}

function kindOf({ reply, stage }: RecipientReply, options: JudgeOptions): Verdict {
  // A peer that says "too many" may mean the recipient itself: it is never given up for that.
  if (stage === 'rcpt' && tooManyFor(reply, options) !== 'no') return 'deferred';
  const kind = classify(reply.code);
  const wasSent = stage === 'dot';
  return kind === 'delivered' && !wasSent && !options.deliversUnsent ? 'deferred' : kind;
}

function isTooManyFor(
  index: number,
  { reply, stage }: RecipientReply,
  batch: BatchReplies,
  options: JudgeOptions,
): boolean {
  if (stage !== 'rcpt') return false;
  const answer = tooManyFor(reply, options);
  if (answer !== 'maybe') return answer === 'yes';
  return !batch.previous.has(options.message.recipients[index]?.email ?? '');
}

function tooManyFor(reply: SmtpReply, options: JudgeOptions): 'yes' | 'maybe' | 'no' {
  const answer = tooManyRecipients(reply);
  if (answer !== 'maybe') return answer;
  return options.bounceClass(reply) === 'Uncategorized' ? 'maybe' : 'no';
}

/**
 * Asks `smtp_client_rewrite_delivery_status` about every reply that is not 250, once per distinct
 * reply. A handler that fails changes nothing.
 *
 * @param onError told what the handler raised
 */
export async function rewriteReplies(
  replies: readonly RecipientReply[],
  message: Message,
  events: PolicyEvents,
  trace: EventTrace,
  onError: (error: unknown) => void,
): Promise<RecipientReply[]> {
  const event = 'smtp_client_rewrite_delivery_status';
  if (!events.has(event) || replies.every(({ reply }) => reply.code === 250)) return [...replies];
  const { domain, tenant, campaign, routingDomain } = parseQueueName(message.queueName());
  const known = new Map<SmtpReply, SmtpReply>();
  for (const { reply } of replies) {
    if (reply.code === 250 || known.has(reply)) continue;
    known.set(reply, reply);
    try {
      const code = await events.smtpClientRewriteDeliveryStatus(
        singleLine(reply),
        domain,
        tenant,
        campaign,
        routingDomain ?? domain,
        trace,
      );
      if (code !== null && code !== reply.code) known.set(reply, rewritten(reply, code));
    } catch (error) {
      onError(error);
    }
  }
  return replies.map((one) => ({ ...one, reply: known.get(one.reply) ?? one.reply }));
}

function rewritten(reply: SmtpReply, code: number): SmtpReply {
  const note = `(kumomta: status was rewritten from ${reply.code} -> ${code})`;
  return { ...reply, code, text: `${reply.text} ${note}` };
}

/**
 * The reply of everyone in the batch when the connection broke in the middle of it.
 *
 * @param readyQueue full name, as records show it
 */
export function brokenReply(
  error: ClientError,
  readyQueue: string,
  address: ResolvedAddress,
): SmtpReply {
  const { trouble } = error;
  const prefix = `KumoMTA internal: failed to send message to ${readyQueue} ${debugOption(debugAddress(address))}: Timed Out waiting`;
  const enhanced = { class: 4, subject: 4, detail: 2 };
  if (trouble.kind === 'read-timeout') {
    const { command, waitMs } = trouble;
    const what = debugOption(command === null ? null : debugCommand(command));
    const text = `${prefix} ${debugDuration(waitMs)} for response to ${what}`;
    return { code: 421, enhanced, text, command };
  }
  if (trouble.kind === 'write-timeout') {
    const { commands, waitMs } = trouble;
    const what = `[${commands.map(debugCommand).join(', ')}]`;
    const text = `${prefix} ${debugDuration(waitMs)} to write ${what}`;
    return { code: 421, enhanced, text, command: commandOf(error) };
  }
  const text = `KumoMTA internal: failed to send message: ${error.message}`;
  return plainReply(400, text, commandOf(error));
}

/** The command that failed, where it was a single one. */
function commandOf({ trouble }: ClientError): string | null {
  switch (trouble.kind) {
    case 'read-failed':
    case 'read-timeout':
      return trouble.command;
    case 'write-failed':
    case 'write-timeout':
      return trouble.commands.length === 1 ? (trouble.commands[0] ?? null) : null;
    case 'rejected':
      return trouble.reply.command;
    case 'malformed':
    case 'payload-timeout':
    case 'aborted':
      return null;
  }
}
