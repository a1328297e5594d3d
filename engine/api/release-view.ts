/**
 * Messages released by hand: each chosen row gets a copy, as its own message with its own row, that
 * goes through the queues to a host or on the way of a route. Nothing is queued while a host on the
 * way is not open: such a copy would be captured or would fail, and nobody would see it arrive.
 */
import { toError } from '../base/assert.ts';
import type { SpoolIdSource } from '../base/ids.ts';
import type { CaptureLeaving } from '../compose/capture-leaving.ts';
import type { OwnMessages } from '../compose/own-messages.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import { cloneJson } from '../mail/json.ts';
import { Message, ROUTE_META } from '../mail/message.ts';
import { parseEnvelopeAddress } from '../mail/path.ts';
import { parseQueueName } from '../mail/queue-name.ts';
import type { Queues } from '../queue/queues.ts';
import { applyRoute } from '../routes/decided.ts';
import type { FarEndAddress } from '../routes/parameters.ts';
import {
  RELEASE_META,
  parseReleaseHost,
  releaseHostText,
  releaseRoutingDomain,
} from '../routes/release.ts';
import { targetText } from '../routes/route.ts';
import type { Route } from '../routes/route.ts';
import type { RowRead } from '../store/row-reads.ts';
import type { Store } from '../store/store.ts';
import type { ReleaseRequest, ReleaseResult } from './protocol.ts';
import { ApiProblem } from './route.ts';

export interface ReleaseViewParts {
  readonly store: Pick<Store, 'read'>;
  readonly queues: () => Pick<Queues, 'resolve' | 'lists'>;
  readonly ownMessages: Pick<OwnMessages, 'inject'>;
  readonly ids: SpoolIdSource;
  readonly capture: Pick<CaptureLeaving, 'leavingHosts'>;
  readonly routes: () => readonly Route[];
  readonly farEnd: FarEndAddress;
}

/** Where copies go. */
interface Way {
  readonly text: string;
  /** Binds the copy to the queue that goes there. */
  readonly bind: (copy: Message) => void;
}

interface Planned {
  readonly seq: number;
  readonly copy: Message;
}

type Failed = ReleaseResult['failed'][number];

export class ReleaseView {
  readonly #parts: ReleaseViewParts;

  constructor(parts: ReleaseViewParts) {
    this.#parts = parts;
  }

  /** @throws {ApiProblem} it cannot go there at all; nothing was queued */
  async release(request: ReleaseRequest): Promise<ReleaseResult> {
    const way = this.#wayTo(request.to.trim());
    const recipient = request.recipient === undefined ? null : recipientOf(request.recipient);
    const planned: Planned[] = [];
    const failed: Failed[] = [];
    for (const seq of new Set(request.seqs)) {
      const plan = await this.#plan(seq, way, recipient);
      if ('text' in plan) failed.push(plan);
      else planned.push(plan);
    }
    await this.#refuseClosed(way, new Set(planned.map(({ copy }) => copy.queueName())));
    const seqs: number[] = [];
    let released = 0;
    for (const { seq, copy } of planned) {
      try {
        await this.#queue(seq, copy);
        seqs.push(...copy.rowSeqs);
        released++;
      } catch (error) {
        failed.push({ seq, text: toError(error).message });
      }
    }
    return { released, to: way.text, seqs, failed };
  }

  #wayTo(to: string): Way {
    const host = parseReleaseHost(to);
    if (host !== null) {
      const routingDomain = releaseRoutingDomain(host);
      return {
        text: releaseHostText(host),
        bind: (copy) => copy.setMeta('routing_domain', routingDomain),
      };
    }
    const routes = this.#parts.routes();
    const route = routes.find(({ name }) => name === to);
    if (route === undefined) throw unknownPlace(to, routes);
    const trouble = this.#troubleOf(route);
    if (trouble !== null)
      throw new ApiProblem(409, 'route', `Cannot release through the route ${to}: ${trouble}`);
    return {
      text: `the route ${route.name} (${targetText(route)})`,
      bind: (copy) => applyRoute(copy, route),
    };
  }

  /** Why nothing can go out through this route. */
  #troubleOf({ name, enabled, to }: Route): string | null {
    if (to.kind === 'null' || to.kind === 'reject')
      return `it lets nothing out (${targetText({ to })}), expected a route with a destination`;
    if (!enabled) return `it is off; switch it on with: postyard route on ${name}`;
    if (to.kind === 'farEnd' && this.#parts.farEnd(to.name) === null)
      return `the far end ${to.name} is off or not there; see: postyard far-end list`;
    return null;
  }

  async #plan(seq: number, way: Way, recipient: EnvelopeAddress | null): Promise<Planned | Failed> {
    const read = await this.#parts.store.read('row', { seq });
    if (read === null) return { seq, text: 'there is no such message, or no more' };
    try {
      return { seq, copy: this.#copyOf(read, recipient, way) };
    } catch (error) {
      return { seq, text: toError(error).message };
    }
  }

  /** Without its bytes, which are read when its turn comes. */
  #copyOf({ row, message }: RowRead, recipient: EnvelopeAddress | null, way: Way): Message {
    const to = recipient ?? parseEnvelopeAddress(row.to ?? '');
    if (to.email === '') throw new Error('it has no recipient, and none was given');
    const copy = new Message({
      id: this.#parts.ids.next(),
      sender: parseEnvelopeAddress(message?.sender ?? row.from ?? ''),
      recipients: [to],
      meta: { ...cloneJson(message?.meta ?? {}), [RELEASE_META]: row.seq },
      data: new Uint8Array(),
    });
    for (const key of ['queue', 'routing_domain', ROUTE_META]) delete copy.meta[key];
    way.bind(copy);
    return copy;
  }

  async #queue(seq: number, copy: Message): Promise<void> {
    const { store, ownMessages } = this.#parts;
    const body =
      (await store.read('body', { seq, which: 'final' })) ??
      (await store.read('body', { seq, which: 'original' }));
    if (body === null) throw new Error('no data arrived for it');
    copy.data = body.bytes;
    await ownMessages.inject(copy, false);
  }

  /** @throws {ApiProblem} mail of one of these queues may not leave to where it would go */
  async #refuseClosed(way: Way, names: ReadonlySet<string>): Promise<void> {
    const queues = this.#parts.queues();
    const closed = new Set<string>();
    for (const name of names) {
      await queues.resolve(name, null);
      const protocol = queues.lists.detail(name, 0)?.config.protocol;
      if (protocol?.kind !== 'smtp') continue;
      const { domain, routingDomain } = parseQueueName(name);
      const plan = { queue: name, domain, routingDomain, mxList: protocol.mxList };
      for (const { host } of await this.#parts.capture.leavingHosts(plan)) closed.add(host);
    }
    if (closed.size > 0) throw closedProblem(way, [...closed]);
  }
}

function closedProblem(way: Way, hosts: readonly string[]): ApiProblem {
  const [first = ''] = hosts;
  const [what, it] = hosts.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return new ApiProblem(
    409,
    'host-closed',
    `Cannot release to ${way.text}: ${hosts.join(', ')} ${what} not open, so mail may not leave this machine; open ${it} first with: postyard route open ${first} (openHosts in postyard.json)`,
  );
}

function unknownPlace(to: string, routes: readonly Route[]): ApiProblem {
  const names = routes.map(({ name }) => name);
  const named = names.length === 0 ? '' : ` or a route (${names.slice(0, 20).join(', ')})`;
  return new ApiProblem(
    400,
    'place',
    `Cannot release to ${to}: expected host:port such as 127.0.0.1:1025${named}`,
  );
}

/** @throws {ApiProblem} it is no address of a mailbox */
function recipientOf(text: string): EnvelopeAddress {
  const trimmed = text.trim();
  try {
    const address = parseEnvelopeAddress(trimmed);
    if (address.domain !== '') return address;
  } catch {
    // Said below, in one line.
  }
  throw new ApiProblem(
    400,
    'recipient',
    `Cannot release to ${trimmed}: expected an address such as ada@example.com`,
  );
}
