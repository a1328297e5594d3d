/** `POST /explain`: the dry run of one message, once as it is and once with other switches. */
import type { JsonObject } from '../mail/json.ts';
import type { DryOutcome, DryBench, DryRecipient, RouteSwitches } from '../replay/dry-run.ts';
import { DryRun } from '../replay/dry-run.ts';
import { arrivalOf, readCaptured } from '../replay/captured.ts';
import { composeMessage } from '../replay/compose-message.ts';
import type { DryArrival } from '../replay/dry-reception.ts';
import { editedFiles } from '../replay/edited-files.ts';
import type { Store } from '../store/store.ts';
import { effectsOf, notesOf, problemOf } from './dry-wire.ts';
import { explainedParts, queueWhy, targetOf } from './explain-parts.ts';
import type { ExplainedCase, ExplainedRecipient, ExplainRequest, Explanation } from './protocol.ts';
import { ApiProblem } from './route.ts';
import { sourceLinkOf } from './waiting-words.ts';

const DEFAULT_SENDER = 'sender@shop.example';
const DEFAULT_EHLO = 'client.example';
const NO_CHANGES: ExplainedRecipient['changes'] = {
  meta: [],
  headers: [],
  sender: null,
  recipients: null,
  body: null,
};

export interface ExplainViewParts {
  readonly bench: () => DryBench;
  readonly policyFolder: string;
  /** For captured messages; null when there is no store. */
  readonly store: Pick<Store, 'read'> | null;
}

export class ExplainView {
  readonly #parts: ExplainViewParts;

  constructor(parts: ExplainViewParts) {
    this.#parts = parts;
  }

  /** @throws {ApiProblem} the request cannot be carried out */
  async explain(request: ExplainRequest): Promise<Explanation> {
    const arrival = await this.#arrival(request);
    const routes = request.routes ?? {};
    const asIs = await this.#run(request, arrival, routes, labelOf(routes, 'as it is'));
    const other = request.whatIf?.routes;
    const whatIf =
      other === undefined
        ? null
        : await this.#run(request, arrival, { ...routes, ...other }, labelOf(other, 'the same'));
    return { asIs, whatIf };
  }

  /** The same request without its captured message: envelope, client and bytes are in it. */
  async writtenOut({ row, ...request }: ExplainRequest): Promise<ExplainRequest> {
    if (row === undefined) return request;
    const { from, to, data, ehlo, peer, identity } = await this.#captured(row);
    const eml = Buffer.from(data).toString('utf8');
    if (!Buffer.from(eml, 'utf8').equals(data))
      throw new ApiProblem(409, 'not-text', `row ${row} is not UTF-8, which a JSON file holds`);
    // Its password is not known: the message starts with what a login leaves behind.
    const login = identity === null ? {} : { authz_id: identity, authn_id: identity };
    const meta = { ...login, ...request.meta };
    return { from, to, ehlo, peer, eml, ...request, ...(Object.keys(meta).length > 0 && { meta }) };
  }

  async #run(
    request: ExplainRequest,
    arrival: DryArrival,
    routes: RouteSwitches,
    label: string,
  ): Promise<ExplainedCase> {
    const { policyFolder } = this.#parts;
    const run = await refusable(() =>
      DryRun.open(this.#parts.bench(), {
        seed: request.seed,
        stubs: request.stubs,
        routes,
        edited: request.files && editedFiles(policyFolder, request.files),
      }),
    );
    try {
      const problem = run.listener() === null ? problemOf(run.problem) : null;
      if (problem !== null) {
        const reply = { code: 0, text: '' };
        return { label, reply, recipients: [], effects: [], problem, notes: [] };
      }
      const outcome = await refusable(() => run.receive(arrival));
      return explainedCase(label, outcome, run, arrival);
    } finally {
      await run.close();
    }
  }

  async #arrival(request: ExplainRequest): Promise<DryArrival> {
    const captured = request.row === undefined ? null : await this.#captured(request.row);
    const from = request.from ?? captured?.from ?? DEFAULT_SENDER;
    const to = request.to ?? captured?.to ?? [];
    if (to.length === 0) {
      throw new ApiProblem(400, 'bad-request', 'to is empty, expected at least one recipient');
    }
    const whole = request.eml !== undefined ? Buffer.from(request.eml, 'utf8') : captured?.data;
    const { auth } = request;
    return {
      ehlo: request.ehlo ?? captured?.ehlo ?? DEFAULT_EHLO,
      auth: auth === undefined ? null : { user: auth.user, password: auth.password ?? '' },
      identity: auth === undefined ? (captured?.identity ?? null) : null,
      from,
      to,
      data: composeMessage({
        from,
        to,
        headers: request.headers ?? [],
        text: request.text ?? null,
        whole: whole ?? null,
      }),
      peer: request.peer ?? captured?.peer ?? '127.0.0.1',
      meta: (request.meta ?? {}) as JsonObject,
    };
  }

  async #captured(seq: number): Promise<DryArrival> {
    const captured = this.#parts.store === null ? null : await readCaptured(this.#parts.store, seq);
    if (captured === null) throw new ApiProblem(404, 'not-found', `no row ${seq}`);
    if (typeof captured === 'string') {
      throw new ApiProblem(409, 'not-replayable', `row ${seq} cannot be run again: ${captured}`);
    }
    return arrivalOf(captured);
  }
}

/** What was asked for cannot be done: the asker's business, not a fault of the engine. */
async function refusable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new ApiProblem(409, 'cannot-run', (error as Error).message);
  }
}

function labelOf(routes: RouteSwitches, otherwise: string): string {
  const words = Object.entries(routes).map(([name, on]) => `route ${name} ${on ? 'on' : 'off'}`);
  return words.length === 0 ? otherwise : words.join(', ');
}

function explainedCase(
  label: string,
  outcome: DryOutcome,
  run: DryRun,
  arrival: DryArrival,
): ExplainedCase {
  const nowMs = run.policy.mailClock.now();
  const { last } = outcome.reception.story;
  return {
    label,
    reply: { code: last.code, text: last.text },
    recipients: outcome.recipients.map((recipient) =>
      explainedRecipient(outcome, recipient, nowMs, arrival.peer),
    ),
    effects: effectsOf(outcome.calls),
    // A listener was started before `init` failed: the rest is as good as it can be.
    problem: problemOf(run.problem),
    notes: notesOf(outcome.calls),
  };
}

function explainedRecipient(
  outcome: DryOutcome,
  recipient: DryRecipient,
  nowMs: number,
  peer: string,
): ExplainedRecipient {
  const { placement, message, to, state, code, text } = recipient;
  const routed = placement?.route ?? message?.routeName ?? null;
  return {
    to,
    state,
    reply: { code, text },
    queue: recipient.queue,
    queueWhy: queueWhy(recipient),
    route: placement?.captured != null ? 'captured' : routed,
    routeWhy: routed === null ? null : `route ${routed}`,
    protocol: protocolOf(placement?.protocol.kind ?? null),
    target: placement === null ? null : targetOf(placement),
    capturedInstead: placement?.captured ?? null,
    maildirPath: placement?.maildirs[recipient.index] ?? null,
    configSource: placement === null ? null : sourceLinkOf(placement.configSource),
    pool: placement?.pool ?? null,
    source: placement?.source ?? null,
    site: placement?.site ?? null,
    plan: placement?.plan ?? [],
    planNotes: recipient.problem === null ? (placement?.notes ?? []) : [recipient.problem],
    failure: recipient.problem ?? placement?.failure ?? null,
    dueInMs: placement === null ? 0 : Math.max(0, placement.dueMs - nowMs),
    retries: (placement?.retries ?? []).slice(1).map(({ atMs, expires, arithmetic }) => ({
      afterMs: atMs - (placement?.dueMs ?? nowMs),
      expires,
      arithmetic,
    })),
    meta: message?.meta ?? {},
    changes: message === null ? NO_CHANGES : recipient.changes,
    parts: explainedParts(outcome, recipient, nowMs, peer),
  };
}

function protocolOf(
  kind: NonNullable<DryRecipient['placement']>['protocol']['kind'] | null,
): ExplainedRecipient['protocol'] {
  switch (kind) {
    case null:
    case 'smtp':
    case 'maildir':
    case 'lua':
    case 'null':
    case 'xfer':
      return kind;
    default:
      return 'internal';
  }
}
