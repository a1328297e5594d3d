/**
 * Zone files: the text form of test zones, written by policies (`kumo.dns.configure_test_resolver`)
 * and kept as `zones/*.zone` in a workspace. Errors carry the line.
 *
 * `$ORIGIN`, `$TTL`, `@`, relative names, a blank for "same owner", parentheses, quoted strings,
 * escapes, comments; TTL and class in either order. `$INCLUDE` and `$GENERATE` are refused.
 *
 * Source: RFC 1035 §5, RFC 2308 §4.
 */
import { formatIp, parseIp } from '../base/ip.ts';
import { RECORD_TYPES } from './records.ts';
import type { RecordType, ResourceRecord } from './records.ts';
import { ZoneSyntaxError, zoneEntries } from './zone-lexer.ts';
import type { ZoneEntry } from './zone-lexer.ts';

export interface Zone {
  /** Names it is responsible for: the first `$ORIGIN` and every later one that is not below it. */
  readonly origins: readonly string[];
  readonly records: ReadonlyMap<string, readonly ResourceRecord[]>;
}

interface ZoneOptions {
  /** Used until the first `$ORIGIN`; a file's name gives one. */
  readonly origin?: string;
  /** For error texts. */
  readonly file?: string;
}

/** When neither the record nor a `$TTL` says how long. */
const TTL_MS_DEFAULT = 3_600_000;

/** Types that are read over: nothing here asks for them. */
const OTHER_TYPES = new Set(['SRV', 'CAA', 'TLSA', 'DS', 'DNSKEY', 'RRSIG', 'NSEC', 'HINFO']);

/**
 * @throws {ZoneSyntaxError} with file, line, what was found and what was expected
 */
export function parseZone(text: string, options: ZoneOptions = {}): Zone {
  return new ZoneReader(options).read(text);
}

/** Carries owner, origin and TTL from one entry to the next. */
class ZoneReader {
  readonly #options: ZoneOptions;
  readonly #origins: string[] = [];
  readonly #records = new Map<string, ResourceRecord[]>();
  #origin: string | null = null;
  #owner: string | null = null;
  #ttlMs: number | null = null;

  constructor(options: ZoneOptions) {
    this.#options = options;
    if (options.origin !== undefined) this.#origin = absolute(options.origin, null);
  }

  read(text: string): Zone {
    for (const entry of zoneEntries(text, this.#options.file)) {
      if (entry.words[0]?.startsWith('$')) this.#directive(entry);
      else this.#record(entry);
    }
    if (this.#origins.length === 0 && this.#origin !== null) this.#origins.push(this.#origin);
    if (this.#origins.length === 0) throw this.#error(1, 'no $ORIGIN', 'an $ORIGIN line');
    return { origins: this.#origins, records: this.#records };
  }

  #directive(entry: ZoneEntry): void {
    const [keyword = '', value] = entry.words;
    if (keyword.toUpperCase() === '$ORIGIN' && value !== undefined) {
      this.#setOrigin(this.#name(value, entry));
    } else if (keyword.toUpperCase() === '$TTL' && value !== undefined) {
      this.#ttlMs = this.#ttl(value, entry);
    } else {
      throw this.#error(entry.line, entry.words.join(' '), '$ORIGIN NAME or $TTL TIME');
    }
  }

  #setOrigin(origin: string): void {
    this.#origin = origin;
    const isKnown = this.#origins.some((known) => origin === known || origin.endsWith(`.${known}`));
    if (!isKnown) this.#origins.push(origin);
  }

  #record(entry: ZoneEntry): void {
    const words = [...entry.words];
    if (!entry.sameOwner) this.#owner = this.#name(words.shift() ?? '@', entry);
    const owner = this.#owner;
    if (owner === null) throw this.#error(entry.line, 'a record without owner', 'a name first');
    if (this.#origins.length === 0 && this.#origin !== null) this.#setOrigin(this.#origin);
    let ttlMs = this.#ttlMs ?? TTL_MS_DEFAULT;
    for (; words.length > 0; words.shift()) {
      const word = words[0] ?? '';
      if (/^(IN|CH|HS)$/i.test(word)) continue;
      if (!/^\d/.test(word)) break;
      ttlMs = this.#ttl(word, entry);
    }
    const type = (words.shift() ?? '').toUpperCase();
    if (OTHER_TYPES.has(type)) return;
    if (!(RECORD_TYPES as readonly string[]).includes(type)) {
      const wanted = `a record type (${RECORD_TYPES.join(', ')})`;
      throw this.#error(entry.line, type === '' ? 'nothing' : type, wanted);
    }
    const { value, preference } = this.#data(type as RecordType, words, entry);
    const record = { name: owner, type: type as RecordType, ttlMs, value, preference };
    const list = this.#records.get(owner);
    if (list) list.push(record);
    else this.#records.set(owner, [record]);
  }

  #data(
    type: RecordType,
    words: readonly string[],
    entry: ZoneEntry,
  ): { value: string; preference: number } {
    const fail = (wanted: string): ZoneSyntaxError =>
      this.#error(entry.line, `${type} ${words.join(' ')}`.trim(), wanted);
    const [first = '', second = ''] = words;
    switch (type) {
      case 'A':
      case 'AAAA': {
        const ip = parseIp(first);
        const bits = type === 'A' ? 32 : 128;
        if (ip?.bits !== bits || words.length !== 1) {
          throw fail(`one ${type === 'A' ? 'IPv4' : 'IPv6'} address`);
        }
        return { value: formatIp(ip), preference: 0 };
      }
      case 'MX':
        if (!/^\d{1,5}$/.test(first) || Number(first) > 65_535 || words.length !== 2) {
          throw fail('MX PREFERENCE HOST');
        }
        return { value: this.#name(second, entry), preference: Number(first) };
      case 'TXT':
        if (words.length === 0) throw fail('at least one text');
        return { value: words.join(''), preference: 0 };
      case 'SOA':
        if (words.length !== 7) throw fail('SOA MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM');
        return { value: this.#name(first, entry), preference: 0 };
      case 'PTR':
      case 'CNAME':
      case 'NS':
        if (words.length !== 1) throw fail(`one name`);
        return { value: this.#name(first, entry), preference: 0 };
    }
  }

  #name(word: string, entry: ZoneEntry): string {
    if (word.endsWith('.')) return absolute(word, null);
    if (this.#origin === null) {
      throw this.#error(entry.line, `the relative name ${word}`, 'an $ORIGIN line before it');
    }
    return word === '@' ? this.#origin : absolute(word, this.#origin);
  }

  /** Seconds, or numbers with units as BIND writes them: `1h30m`. */
  #ttl(word: string, entry: ZoneEntry): number {
    if (/^\d+$/.test(word)) return Number(word) * 1000;
    if (!/^(\d+[smhdw])+$/i.test(word))
      throw this.#error(entry.line, word, 'a time like 600 or 1h');
    const seconds = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
    let sum = 0;
    for (const [, digits, unit] of word.matchAll(/(\d+)([smhdw])/gi)) {
      sum += Number(digits) * seconds[(unit ?? 's').toLowerCase() as keyof typeof seconds];
    }
    return sum * 1000;
  }

  #error(line: number, found: string, wanted: string): ZoneSyntaxError {
    return new ZoneSyntaxError(this.#options.file, line, found, wanted);
  }
}

function absolute(name: string, origin: string | null): string {
  const bare = name.toLowerCase().replace(/\.$/, '');
  if (origin === null || origin === '.') return `${bare}.`;
  return `${bare}.${origin}`;
}
