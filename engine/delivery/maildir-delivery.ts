/**
 * Delivery into maildirs: the path rendered for each recipient, one file for each, and what
 * became of it. It goes through no ready queue and has no connection.
 *
 * `DirectMaildirs` writes at once, with flush, under KumoMTA's names: the strict mode, where the
 * file exists before the client has its 250. `WorkerMaildirs` hands batches to a worker thread.
 *
 * Source: reference `queues-delivery.md` §6; golden `maildir-*`.
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import type { JsonObject } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type { QueueName } from '../mail/queue-name.ts';
import { compileTemplate } from '../mail/template.ts';
import { createMaildir, MaildirError, storeMessage } from '../maildir/maildir.ts';
import { stableName, UniqueNames } from '../maildir/unique-name.ts';
import type { DeliveryProtocol } from '../policy/settings.ts';
import { errnoText } from './errno-replies.ts';
import { MaildirBatches } from './maildir-batches.ts';
import type { BatchJob } from './maildir-batches.ts';
import type { WorkerResult } from './maildir-worker.ts';

export type MaildirProtocol = Extract<DeliveryProtocol, { kind: 'maildir' }>;

export interface MaildirRequest {
  readonly message: Message;
  /** What the message says, and what that name means. */
  readonly queue: string;
  readonly queueName: QueueName;
  readonly protocol: MaildirProtocol;
  /** It may have been delivered before: an attempt was interrupted, or failed for some. */
  readonly isRepeat: boolean;
}

export interface MaildirResult {
  readonly written: readonly {
    readonly recipient: number;
    /** The maildir as the window names it: relative to the workspace when it is inside. */
    readonly place: string;
    readonly unique: string;
  }[];
  readonly failed: readonly { readonly recipient: number; readonly text: string }[];
}

export interface MaildirDeliverer {
  /**
   * Whether the reception waits for the file. If not, `deliver` still resolves only when all of
   * them are written, but the caller need not wait for it.
   */
  readonly isImmediate: boolean;
  /**
   * Resolves when it can take another message; a bound on what is under way.
   */
  room(): Promise<void>;
  /** @throws {TemplateError} the path cannot be rendered; the message goes back whole */
  deliver(request: MaildirRequest): Promise<MaildirResult>;
  close(): Promise<void>;
}

export interface MaildirOptions {
  /** The mail clock: names carry its time, and templates see it as now. */
  readonly clock: Clock;
  readonly random: Random;
  readonly hostname: string;
  readonly pid: number;
  /** Where a path of the policy really is; throws with a readable text when it may not be used. */
  readonly mapMaildirPath: (path: string) => string;
  /** How the window names a real path; as it is when absent. */
  readonly placeOf?: (path: string) => string;
}

export class DirectMaildirs implements MaildirDeliverer {
  readonly isImmediate = true;
  readonly #options: MaildirOptions;
  readonly #names: UniqueNames;

  constructor(options: MaildirOptions) {
    this.#options = options;
    this.#names = new UniqueNames(options.clock, options.hostname, options.pid);
  }

  async room(): Promise<void> {
    // Nothing is ever under way.
  }

  /** A path that cannot be rendered throws after earlier recipients were written, as in KumoMTA. */
  async deliver(request: MaildirRequest): Promise<MaildirResult> {
    const written: MaildirResult['written'][number][] = [];
    const failed: MaildirResult['failed'][number][] = [];
    for (const [recipient, address] of request.message.recipients.entries()) {
      const rendered = renderPath(request, address, this.#options);
      try {
        const path = this.#options.mapMaildirPath(rendered);
        const target = { ...request.protocol, path };
        createMaildir(target);
        const data = request.message.data;
        const unique = storeMessage(target, () => this.#names.next(), data, 'flush');
        written.push({ recipient, place: this.#options.placeOf?.(path) ?? path, unique });
      } catch (error) {
        failed.push({ recipient, text: failureText(request.queue, rendered, error) });
      }
    }
    return { written, failed };
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

/** Writes through `maildir-worker.ts`, in batches that form by themselves (`maildir-batches.ts`). */
export class WorkerMaildirs implements MaildirDeliverer {
  readonly isImmediate = false;
  readonly #options: MaildirOptions;
  readonly #batches: MaildirBatches;

  /** @param realClock for the gathering of batches */
  constructor(options: MaildirOptions, realClock: Clock) {
    this.#options = options;
    this.#batches = new MaildirBatches(realClock);
  }

  room(): Promise<void> {
    return this.#batches.room();
  }

  async deliver(request: MaildirRequest): Promise<MaildirResult> {
    const { message, protocol, isRepeat } = request;
    const { recipients, rowSeqs, rowSeq, id, createdMs } = message;
    const paths = recipients.map((address) => renderPath(request, address, this.#options));
    const failed: MaildirResult['failed'][number][] = [];
    const jobs: { recipient: number; job: BatchJob }[] = [];
    for (const [recipient, rendered] of paths.entries()) {
      try {
        const recipientIndex = (rowSeqs[recipient] ?? rowSeq + recipient) - rowSeq;
        const path = this.#options.mapMaildirPath(rendered);
        const { hostname } = this.#options;
        const name = stableName({ messageId: id, createdMs, recipientIndex }, hostname);
        const { dirMode, fileMode } = protocol;
        jobs.push({ recipient, job: { path, dirMode, fileMode, name, isRepeat } });
      } catch (error) {
        failed.push({ recipient, text: failureText(request.queue, rendered, error) });
      }
    }
    const bodyJobs = jobs.map(({ job }) => job);
    const results = await this.#batches.run(message.data, bodyJobs);
    const written: MaildirResult['written'][number][] = [];
    for (const [i, { recipient, job }] of jobs.entries()) {
      const result = results[i];
      if (result !== undefined && 'unique' in result) {
        const place = this.#options.placeOf?.(job.path) ?? job.path;
        written.push({ recipient, place, unique: result.unique });
      } else {
        const text = workerFailureText(request.queue, paths[recipient] ?? job.path, result);
        failed.push({ recipient, text });
      }
    }
    return { written, failed: failed.sort((a, b) => a.recipient - b.recipient) };
  }

  close(): Promise<void> {
    return this.#batches.close();
  }
}

/**
 * The maildir of one recipient, as the policy names it.
 * @throws {TemplateError}
 */
export function renderPath(
  request: Omit<MaildirRequest, 'isRepeat'>,
  recipient: EnvelopeAddress,
  options: Pick<MaildirOptions, 'clock' | 'random'>,
): string {
  const { clock, random } = options;
  return compileTemplate('maildir_path', request.protocol.path).render(
    pathContext(request, recipient),
    { now: () => clock.now(), random },
  );
}

function pathContext(
  request: Omit<MaildirRequest, 'isRepeat'>,
  recipient: EnvelopeAddress,
): JsonObject {
  const { message, queue, queueName } = request;
  return {
    meta: message.meta,
    queue,
    campaign: queueName.campaign,
    tenant: queueName.tenant,
    domain: queueName.domain,
    routing_domain: queueName.routingDomain,
    local_part: recipient.user,
    domain_part: recipient.domain,
    email: recipient.email,
    sender_local_part: message.sender.user,
    sender_domain_part: message.sender.domain,
    sender_email: message.sender.email,
  };
}

/** The chain of contexts that KumoMTA puts before the error's own words. */
function failureText(queue: string, path: string, error: unknown): string {
  if (!(error instanceof MaildirError)) {
    return `failed to create maildir ${path} for queue ${queue}: ${toError(error).message}`;
  }
  return stageText(error.stage, queue, path, errnoText(error.cause));
}

function workerFailureText(queue: string, path: string, result: WorkerResult | undefined): string {
  if (result === undefined || 'unique' in result) {
    return stageText('store', queue, path, 'the maildir worker gave no answer');
  }
  const error = Object.assign(new Error(result.message), { code: result.code ?? undefined });
  return stageText(result.stage, queue, path, errnoText(error));
}

function stageText(stage: 'create' | 'store', queue: string, path: string, words: string): string {
  return stage === 'create'
    ? `failed to create maildir ${path} for queue ${queue}: ${words}`
    : `failed to store message to maildir ${path} for queue ${queue}: IO Error: ${words}`;
}
