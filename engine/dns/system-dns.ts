/**
 * The system's DNS, asked through the guard: the last of the sources, and the only one that leaves
 * the machine. A stub on loopback passes the question on, so what counts is whether the name that
 * is asked for was opened.
 *
 * The hosts in an answer about an opened domain (its exchanges) may be looked up too; connecting to
 * them is another matter. Answers live as long as they say on the mail clock, failures five minutes.
 *
 * Source: RFC 1035 §4.2, RFC 5452 §9 (what to compare), RFC 6891 (size of an answer), RFC 2308.
 */
import { decode, encode, RECURSION_DESIRED } from 'dns-packet';
import type { Answer as PacketRecord, DecodedPacket } from 'dns-packet';
import type { Clock } from '../base/clock.ts';
import { formatIp, parseIp, splitIpPort } from '../base/ip.ts';
import type { Random } from '../base/random.ts';
import type { DialTarget, Guard } from '../guard/guard.ts';
import { fqdn } from './domain-name.ts';
import { exchangeDatagrams, exchangeStream } from './dns-exchange.ts';
import type { Answer, RecordSource, RecordType, ResourceRecord } from './records.ts';
import { DnsError } from './resolver.ts';
import { TtlCache } from './ttl-cache.ts';

export interface SystemDnsOptions {
  readonly guard: Guard;
  /** Real time: how long an answer may take. */
  readonly clock: Clock;
  /** Virtual time: how long it is believed. */
  readonly mailClock: Clock;
  readonly random: Random;
  /** Name servers as `ip` or `ip:port`, asked each time: the system's list may change. */
  readonly servers: () => readonly string[];
}

/** For all servers and tries together. */
const LOOKUP_TIMEOUT_MS = 5000;
const TRY_TIMEOUT_MS = 2000;
const NEGATIVE_TTL_MS = 5 * 60_000;
const CACHED_ANSWERS_MAX = 10_000;
const VOUCHED_NAMES_MAX = 10_000;
const UDP_ANSWER_BYTES = 1232;

export class SystemDns implements RecordSource {
  readonly #options: SystemDnsOptions;
  readonly #cache: TtlCache<Answer>;
  readonly #running = new Map<string, Promise<Answer>>();
  /** Exchange host -> the opened domain it belongs to. */
  readonly #vouched = new Map<string, string>();

  constructor(options: SystemDnsOptions) {
    this.#options = options;
    this.#cache = new TtlCache(options.mailClock, CACHED_ANSWERS_MAX);
  }

  async query(name: string, type: RecordType): Promise<Answer> {
    const { guard } = this.#options;
    const host = withoutDot(this.#vouched.get(name) ?? name);
    if (!guard.allows({ host })) {
      throw new DnsError('REFUSED', guard.refuse('dns', withoutDot(name)).message);
    }
    if (!isAskable(name)) {
      return { status: 'NXDOMAIN', records: [], isSecure: false, answeredBy: 'not a DNS name' };
    }
    const key = `${type} ${name}`;
    const cached = this.#cache.get(key);
    if (cached instanceof Error) throw cached;
    if (cached) return cached;
    const running = this.#running.get(key) ?? this.#start(key, name, type, host);
    return running;
  }

  #start(key: string, name: string, type: RecordType, host: string): Promise<Answer> {
    const running = this.#ask(name, type, host)
      .then(
        (answer) => {
          const ttls = answer.records.map((record) => record.ttlMs);
          this.#cache.set(key, answer, ttls.length > 0 ? Math.min(...ttls) : NEGATIVE_TTL_MS);
          if (type === 'MX') this.#vouch(answer, host);
          return answer;
        },
        (error: Error) => {
          this.#cache.set(key, error, NEGATIVE_TTL_MS);
          throw error;
        },
      )
      .finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    return running;
  }

  #vouch(answer: Answer, host: string): void {
    for (const { value } of answer.records) {
      if (this.#vouched.size >= VOUCHED_NAMES_MAX) this.#vouched.clear();
      this.#vouched.set(value, host);
    }
  }

  async #ask(name: string, type: RecordType, host: string): Promise<Answer> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + LOOKUP_TIMEOUT_MS;
    const servers = this.#options.servers().flatMap((text) => splitIpPort(text) ?? []);
    let lastError: DnsError | null = null;
    for (const server of [...servers, ...servers]) {
      const timeoutMs = Math.min(TRY_TIMEOUT_MS, deadline - clock.monotonic());
      if (timeoutMs <= 0) break;
      const target = { kind: 'dns', address: server.ip, port: server.port ?? 53, host } as const;
      try {
        return await this.#askServer({ ...target, timeoutMs }, name, type);
      } catch (thrown) {
        lastError = asDnsError(thrown, name, type);
        if (lastError.code === 'REFUSED') break;
      }
    }
    throw lastError ?? new DnsError('SERVFAIL', `${name} ${type}: the system has no name server`);
  }

  async #askServer(target: DialTarget, name: string, type: RecordType): Promise<Answer> {
    const { guard, clock, random } = this.#options;
    const [high = 0, low = 0] = random.bytes(2);
    const id = high * 256 + low;
    const question = encode({
      type: 'query',
      id,
      flags: RECURSION_DESIRED,
      questions: [{ type, name }],
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: UDP_ANSWER_BYTES,
          flags: 0,
          flag_do: false,
          extendedRcode: 0,
          ednsVersion: 0,
          options: [],
        },
      ],
    });
    const read = (bytes: Buffer): DecodedPacket | null => decodeAnswer(bytes, id, name, type);
    let packet = await exchangeDatagrams(guard, clock, target, question, read);
    if (packet.flag_tc) packet = await exchangeStream(guard, clock, target, question, read);
    return answerOf(packet, name, type, `DNS server ${target.address}`);
  }
}

/** The packet, or null when it does not answer this question and must be ignored. */
function decodeAnswer(
  bytes: Buffer,
  id: number,
  name: string,
  type: RecordType,
): DecodedPacket | null {
  let packet: DecodedPacket;
  try {
    packet = decode(bytes);
  } catch {
    return null;
  }
  const question = packet.questions?.[0];
  const isAnswer = packet.type === 'response' && packet.id === id;
  return isAnswer && question?.type === type && fqdn(question.name) === name ? packet : null;
}

function answerOf(
  packet: DecodedPacket,
  name: string,
  type: RecordType,
  answeredBy: string,
): Answer {
  const rcode = String((packet as { rcode?: unknown }).rcode);
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') {
    throw new DnsError('SERVFAIL', `${name} ${type}: ${rcode} from ${answeredBy}`);
  }
  const records = (packet.answers ?? []).flatMap((record) => recordOf(record, type) ?? []);
  return { status: rcode, records, isSecure: false, answeredBy };
}

/** Aliases on the way to the answer are left out: the server has followed them. */
function recordOf(record: PacketRecord, type: RecordType): ResourceRecord | null {
  if (record.type !== type) return null;
  const common = {
    name: fqdn(record.name),
    type,
    ttlMs: 'ttl' in record ? (record.ttl ?? 0) * 1000 : 0,
    preference: 0,
  };
  switch (record.type) {
    case 'A':
    case 'AAAA': {
      const ip = parseIp(record.data);
      return ip ? { ...common, value: formatIp(ip) } : null;
    }
    case 'MX':
      return {
        ...common,
        value: fqdn(record.data.exchange),
        preference: record.data.preference ?? 0,
      };
    case 'TXT': {
      const parts = Array.isArray(record.data) ? record.data : [record.data];
      return { ...common, value: parts.map((part) => part.toString()).join('') };
    }
    case 'PTR':
    case 'CNAME':
    case 'NS':
      return { ...common, value: fqdn(record.data) };
    default:
      return null;
  }
}

function asDnsError(thrown: unknown, name: string, type: RecordType): DnsError {
  if (thrown instanceof DnsError) return thrown;
  const error = thrown as Error;
  if (error.name === 'GuardRefusal') return new DnsError('REFUSED', error.message);
  return new DnsError('SERVFAIL', `${name} ${type}: ${error.message}`);
}

/** RFC 1035 §2.3.4. */
function isAskable(name: string): boolean {
  const labels = withoutDot(name).split('.');
  const fits = labels.every((label) => label !== '' && Buffer.byteLength(label) <= 63);
  return (fits || name === '.') && Buffer.byteLength(name) <= 254;
}

function withoutDot(name: string): string {
  return name.replace(/\.$/, '');
}
