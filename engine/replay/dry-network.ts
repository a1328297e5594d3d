/**
 * The network of a dry run: nobody is asked. What a script wants to know is answered by a stub that
 * the user chose, by what an earlier run was told, or by an error that says that it is not stubbed.
 * Names are found in the workspace's zones and the hosts file; what only the system's DNS would
 * know counts as not stubbed.
 *
 * With `far-ends`, HTTP to loopback really happens, and the answers are kept for later runs.
 */
import type { Answer, RecordSource, RecordType, ResourceRecord } from '../dns/records.ts';
import { RECORD_TYPES } from '../dns/records.ts';
import { DnsError } from '../dns/resolver.ts';
import { GuardRefusal } from '../guard/guard.ts';
import type { Guard } from '../guard/guard.ts';
import { isLoopback } from '../guard/open-hosts.ts';
import type { HttpAnswer, HttpQuestion, NetworkAnswers } from '../policy/bindings/http-exchange.ts';
import { LUA_NULL, type LuaValue } from '../policy/lua/lua-value.ts';
import type { HostCallLog } from './host-call-log.ts';

/** An answer that the user chose. `match` is a glob over the question's text. */
export interface Stub {
  readonly kind: 'http' | 'dns' | 'redis';
  readonly match: string;
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  readonly answer?: unknown;
  readonly error?: string | undefined;
}

/** A question that was really answered, for the recording. */
export interface NetworkExchange {
  readonly kind: 'http';
  readonly question: string;
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly bodyBase64: string;
}

export interface DryNetworkParts {
  readonly stubs: readonly Stub[];
  readonly recording: readonly NetworkExchange[];
  /** Really asks far ends on loopback; null asks nobody. */
  readonly farEnds: Guard | null;
  readonly calls: () => HostCallLog;
}

/** Exchanges kept of one run. */
const EXCHANGES_MAX = 2_000;
const STUB_TTL_MS = 60_000;

export class DryNetwork implements NetworkAnswers, RecordSource {
  readonly #parts: DryNetworkParts;
  readonly #exchanges: NetworkExchange[] = [];
  /** Recorded answers that were not given yet, by question; the last one is given again. */
  readonly #recorded: Map<string, NetworkExchange[]>;

  constructor(parts: DryNetworkParts) {
    this.#parts = parts;
    this.#recorded = Map.groupBy(parts.recording, ({ question }) => question);
  }

  /** What far ends answered, and what of a recording was used: the recording of this run. */
  get exchanges(): readonly NetworkExchange[] {
    return this.#exchanges;
  }

  async http(question: HttpQuestion, ask: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    const text = `${question.method} ${question.url.href}`;
    const stub = this.#stub('http', text);
    if (stub) return this.#stubbedHttp(stub, question);
    const recorded = this.#nextRecorded(text);
    if (recorded) {
      this.#parts.calls().answered('recorded', `${text} → ${recorded.status}`);
      this.#keep(recorded);
      return httpAnswer(recorded, question.url);
    }
    if (this.#parts.farEnds === null) throw this.#notStubbed(text);
    this.#parts.calls().answered('sent', text);
    const answer = await ask();
    this.#parts.calls().answered('sent', `${text} → ${answer.status}`);
    this.#keep({
      kind: 'http',
      question: text,
      status: answer.status,
      headers: answer.headers,
      bodyBase64: Buffer.from(answer.body).toString('base64'),
    });
    return answer;
  }

  redis(words: readonly (string | Uint8Array)[]): Promise<LuaValue> {
    const text = words.map((word) => Buffer.from(word).toString('utf8')).join(' ');
    const stub = this.#stub('redis', text);
    if (!stub) return Promise.reject(this.#notStubbed(`redis ${text}`));
    this.#parts.calls().answered('stubbed', text);
    if (stub.error !== undefined) return Promise.reject(new Error(stub.error));
    return Promise.resolve(luaOfJson(stub.answer));
  }

  /** Stubs for names; asked after zones and the hosts file. */
  async query(name: string, type: RecordType): Promise<Answer> {
    const stub = this.#stub('dns', `${type} ${name.replace(/\.$/, '')}`);
    if (!stub) {
      // A name that some type was chosen for exists; it just has no records of this one.
      const isKnown = RECORD_TYPES.some((other) =>
        this.#stub('dns', `${other} ${name.replace(/\.$/, '')}`),
      );
      if (isKnown) return { status: 'NOERROR', records: [], isSecure: false, answeredBy: 'stub' };
      throw new DnsError('REFUSED', this.#notStubbed(`DNS ${type} ${name}`).message);
    }
    this.#parts.calls().answered('stubbed', `DNS ${type} ${name}`);
    if (stub.error !== undefined) throw new DnsError('SERVFAIL', stub.error);
    const texts = Array.isArray(stub.answer) ? stub.answer.map(String) : [];
    const records = texts.map((text) => recordOf(name, type, text));
    const status = texts.length === 0 ? 'NXDOMAIN' : 'NOERROR';
    return { status, records, isSecure: false, answeredBy: 'stub' };
  }

  /** The guard of scripts: only far ends on loopback, and only when they may be asked. */
  readonly guard: Guard = {
    allows: ({ host }) =>
      this.#parts.farEnds !== null && (host === 'localhost' || isLoopback(host)),
    dial: (target) => {
      const { farEnds } = this.#parts;
      if (farEnds === null || !isLoopback(target.address)) {
        this.#parts.calls().answered('not-stubbed', `${target.host}:${target.port}`);
        return Promise.reject(new GuardRefusal(target.host));
      }
      return farEnds.dial(target);
    },
    dialDatagram: (target) => Promise.reject(new GuardRefusal(target.host)),
    refuse: (_kind, host) => new GuardRefusal(host),
    openHosts: () => [],
  };

  #stub(kind: Stub['kind'], text: string): Stub | undefined {
    return this.#parts.stubs.find((stub) => stub.kind === kind && globMatches(stub.match, text));
  }

  #stubbedHttp(stub: Stub, question: HttpQuestion): HttpAnswer {
    const answer = stub.error ?? stub.status ?? 200;
    const asked = `${question.method} ${question.url.href} → ${answer}`;
    this.#parts.calls().answered('stubbed', asked);
    if (stub.error !== undefined) {
      throw new Error(`error sending request for url (${question.url.href}): ${stub.error}`);
    }
    const headers = Object.entries(stub.headers ?? {}).map(
      ([name, value]) => [name.toLowerCase(), value] as const,
    );
    return {
      status: stub.status ?? 200,
      headers,
      body: Buffer.from(stub.body ?? '', 'utf8'),
      url: question.url,
    };
  }

  #nextRecorded(text: string): NetworkExchange | undefined {
    const left = this.#recorded.get(text);
    return left !== undefined && left.length > 1 ? left.shift() : left?.[0];
  }

  #keep(exchange: NetworkExchange): void {
    if (this.#exchanges.length < EXCHANGES_MAX) this.#exchanges.push(exchange);
  }

  #notStubbed(what: string): Error {
    this.#parts.calls().answered('not-stubbed', what);
    return new Error(`not stubbed: ${what}`);
  }
}

/** `*` stands for anything; upper and lower case are the same. */
export function globMatches(glob: string, text: string): boolean {
  const pattern = glob
    .split('*')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`, 'is').test(text);
}

function httpAnswer(exchange: NetworkExchange, url: URL): HttpAnswer {
  const { status, headers, bodyBase64 } = exchange;
  return { status, headers, body: Buffer.from(bodyBase64, 'base64'), url };
}

/** `10 mx.example.com`, `mx.example.com`, `127.0.0.1`, any text. */
function recordOf(name: string, type: RecordType, text: string): ResourceRecord {
  const mx = /^(\d+)\s+(\S+)$/.exec(text);
  const isName = type === 'MX' || type === 'PTR' || type === 'CNAME' || type === 'NS';
  const bare = type === 'MX' ? (mx?.[2] ?? text) : text;
  return {
    name,
    type,
    ttlMs: STUB_TTL_MS,
    value: isName ? `${bare.toLowerCase().replace(/\.$/, '')}.` : bare,
    preference: type === 'MX' ? Number(mx?.[1] ?? 10) : 0,
  };
}

function luaOfJson(value: unknown): LuaValue {
  if (value === null) return LUA_NULL;
  return value as LuaValue;
}
