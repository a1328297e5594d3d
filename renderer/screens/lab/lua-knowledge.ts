/**
 * What is known about Lua at a place of a policy: which host functions can be meant there and what a
 * name is. Receivers get their type from their name, from what was assigned to them, or from what the
 * call before returns; a good guess is enough here. Pure: the editor draws it.
 */
import type { LuaFunctionList } from '../../../engine/api/protocol.ts';

type LuaFunction = LuaFunctionList['functions'][number];
type LuaEvent = LuaFunctionList['events'][number];

interface Offer {
  readonly label: string;
  readonly kind: 'function' | 'method' | 'field' | 'module' | 'event' | 'keyword';
  /** Behind the label: arguments and result. */
  readonly detail: string;
  readonly doc: string;
}

interface Offers {
  /** Where the word that is replaced begins, in the text given. */
  readonly from: number;
  readonly offers: readonly Offer[];
}

/** Names that policies give to values of the engine. */
const USUAL_NAMES: Readonly<Record<string, string>> = {
  msg: 'Message',
  message: 'Message',
  conn_meta: 'ConnectionMetaData',
  conn: 'ConnectionMetaData',
  recipient: 'EnvelopeAddress',
  sender: 'EnvelopeAddress',
  client: 'Client',
  request: 'Request',
  response: 'Response',
};
const KEYWORDS =
  'and break do else elseif end false for function goto if in local nil not or repeat return then true until while'.split(
    ' ',
  );
const GLOBALS =
  'assert error getmetatable ipairs next pairs pcall print rawequal rawget rawlen rawset require select setmetatable string table math tonumber tostring type utf8 xpcall'.split(
    ' ',
  );

export class LuaKnowledge {
  readonly #functions: readonly LuaFunction[];
  readonly #byName: ReadonlyMap<string, LuaFunction>;
  readonly #fields: readonly string[];
  readonly #events: readonly LuaEvent[];
  readonly #types: ReadonlySet<string>;

  constructor({ functions, fields, events }: LuaFunctionList) {
    this.#functions = functions;
    this.#byName = new Map(functions.map((fn) => [fn.name, fn]));
    this.#fields = fields;
    this.#events = events;
    this.#types = new Set([
      ...functions.flatMap(({ name }) => (name.includes(':') ? [name.split(':')[0] ?? ''] : [])),
      ...fields.map((field) => field.split('.')[0] ?? ''),
    ]);
  }

  /** @param before the text up to the caret */
  offersAt(before: string): Offers | null {
    const event = /kumo\.on\(?\s*(['"])([\w.]*)$/.exec(before);
    if (event)
      return { from: before.length - (event[2] ?? '').length, offers: this.#eventOffers() };
    if (isInText(before)) return null;
    const method = /:(\w*)$/.exec(before);
    if (method) {
      const receiver = before.slice(0, method.index);
      if (!/[\w)\]]$/.test(receiver)) return null;
      const offers = this.#methodOffers(this.typeOf(receiver, before));
      return { from: method.index + 1, offers };
    }
    const path = /((?:\w+\.)+)(\w*)$/.exec(before);
    if (path) {
      const [, prefix = '', last = ''] = path;
      return { from: before.length - last.length, offers: this.#memberOffers(prefix, before) };
    }
    const dotted = /\)\.(\w*)$/.exec(before);
    if (dotted) {
      const type = this.typeOf(before.slice(0, dotted.index + 1), before);
      return { from: dotted.index + 2, offers: this.#fieldOffers(type) };
    }
    const word = /[A-Za-z_]\w*$/.exec(before);
    if (!word) return null;
    return { from: word.index, offers: this.#wordOffers(before) };
  }

  /** What the name at this place of a line is; null when nothing is known of it. */
  nameAt(line: string, column: number, before: string): Found | null {
    for (const match of line.matchAll(/[A-Za-z_][\w.]*/g)) {
      const { index } = match;
      const end = index + match[0].length;
      if (column < index || column > end) continue;
      return this.#nameOf(line, match[0], index, column, before + line.slice(0, index));
    }
    return null;
  }

  /** The type of the expression that `text` ends with. */
  typeOf(text: string, before: string): string | null {
    const trimmed = text.trimEnd();
    if (trimmed.endsWith(')') || trimmed.endsWith('}')) {
      return this.#resultType(withoutLastCall(trimmed), before);
    }
    const name = /(?<![.:\w])([A-Za-z_]\w*)$/.exec(trimmed)?.[1];
    if (name === undefined) return null;
    const assigned = [...before.matchAll(new RegExp(`\\b${name}\\s*=\\s*([^\\n]+)`, 'g'))].at(-1);
    const value = assigned?.[1] ?? '';
    const type = value === '' || value.startsWith(name) ? null : this.typeOf(value, '');
    return type ?? USUAL_NAMES[name] ?? null;
  }

  /** Of a call of what `text` ends with: a path or a method. */
  #resultType(text: string, before: string): string | null {
    const method = /:(\w+)$/.exec(text);
    if (method) {
      const owner = this.typeOf(text.slice(0, method.index), before);
      const candidates = owner === null ? [...this.#types] : [owner];
      for (const type of candidates) {
        const found = this.#byName.get(`${type}:${method[1]}`);
        if (found) return this.#typeIn(found);
      }
      return null;
    }
    const path = /[\w.]+$/.exec(text)?.[0] ?? '';
    const found = this.#byName.get(path);
    return found ? this.#typeIn(found) : null;
  }

  /** The first type that a signature names as its result. */
  #typeIn({ signature }: LuaFunction): string | null {
    const words = (signature.split('->')[1] ?? '').match(/\w+/g) ?? [];
    const named = words.find((word) => this.#types.has(word));
    if (named !== undefined) return named;
    const lower = words[0]?.toLowerCase();
    return [...this.#types].find((type) => type.toLowerCase() === lower) ?? null;
  }

  #nameOf(line: string, word: string, index: number, column: number, before: string): Found | null {
    const event = this.#events.find(({ name }) => name === word);
    if (event && /['"]$/.test(before)) return { kind: 'event', event, index, length: word.length };
    if (line[index - 1] === ':') {
      const type = this.typeOf(before.slice(0, -1), before);
      const own = type === null ? null : (this.#byName.get(`${type}:${word}`) ?? null);
      const fn = own ?? this.#functions.find(({ name }) => name.endsWith(`:${word}`)) ?? null;
      return fn && { kind: 'function', fn, index, length: word.length };
    }
    // Of a path, the part up to the word that is pointed at: `kumo.http` of `kumo.http.build_client`.
    const rest = word.slice(column - index);
    const part = word.slice(0, column - index) + (/^\w*/.exec(rest)?.[0] ?? '');
    const fn = this.#byName.get(part) ?? this.#byName.get(word);
    return fn ? { kind: 'function', fn, index, length: word.length } : null;
  }

  #methodOffers(type: string | null): Offer[] {
    const prefix = type === null ? null : `${type}:`;
    const own = this.#functions.filter(({ name }) =>
      prefix === null ? name.includes(':') : name.startsWith(prefix),
    );
    return own.map((fn) => offerOf(fn, 'method'));
  }

  #fieldOffers(type: string | null): Offer[] {
    if (type === null) return [];
    return this.#fields
      .filter((field) => field.startsWith(`${type}.`))
      .map((field) => ({
        label: field.slice(type.length + 1),
        kind: 'field',
        detail: '',
        doc: `A value of ${type}.`,
      }));
  }

  /** @param prefix `kumo.`, `kumo.time.`, `address.` */
  #memberOffers(prefix: string, before: string): Offer[] {
    const members = new Map<string, Offer>();
    for (const fn of this.#functions) {
      if (!fn.name.startsWith(prefix) || fn.name.includes(':')) continue;
      const [label = '', ...more] = fn.name.slice(prefix.length).split('.');
      if (more.length === 0) members.set(label, offerOf(fn, 'function'));
      else if (!members.has(label))
        members.set(label, { label, kind: 'module', detail: '', doc: `${prefix}${label}` });
    }
    if (members.size > 0) return [...members.values()];
    return this.#fieldOffers(this.typeOf(prefix.slice(0, -1), before));
  }

  #eventOffers(): Offer[] {
    return this.#events.map(({ name, args, returns, doc }) => ({
      label: name,
      kind: 'event',
      detail: `(${args.join(', ')})${returns === '' ? '' : ` -> ${returns}`}`,
      doc,
    }));
  }

  #wordOffers(before: string): Offer[] {
    const known = new Set([...KEYWORDS, ...GLOBALS, 'kumo']);
    const names = new Set(before.match(/\b[A-Za-z_]\w{2,}\b/g));
    const offer = (label: string, kind: Offer['kind']): Offer => {
      return { label, kind, detail: '', doc: '' };
    };
    const last = /\w*$/.exec(before)?.[0] ?? '';
    return [
      offer('kumo', 'module'),
      ...KEYWORDS.map((word) => offer(word, 'keyword')),
      ...GLOBALS.map((word) => offer(word, 'function')),
      ...[...names]
        .filter((name) => !known.has(name) && name !== last)
        .map((name) => offer(name, 'field')),
    ];
  }
}

export type Found = { readonly index: number; readonly length: number } & (
  | { readonly kind: 'function'; readonly fn: LuaFunction }
  | { readonly kind: 'event'; readonly event: LuaEvent }
);

function offerOf(fn: LuaFunction, kind: 'function' | 'method'): Offer {
  const label = fn.name.slice(fn.name.search(/[^.:]+$/));
  const detail = fn.signature.slice(fn.signature.indexOf(label) + label.length);
  return { label, kind, detail, doc: fn.doc };
}

/** In a comment or between quotes, as far as the line tells. */
function isInText(before: string): boolean {
  const line = before.slice(before.lastIndexOf('\n') + 1);
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const letter = line[at] ?? '';
    if (quote !== '') {
      if (letter === '\\') at++;
      else if (letter === quote) quote = '';
    } else if (letter === "'" || letter === '"') quote = letter;
    else if (line.startsWith('--', at)) return true;
  }
  return quote !== '';
}

/** `a:b(c{d})` → `a:b`; the text itself when its brackets do not match. */
function withoutLastCall(text: string): string {
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    const letter = text[at] ?? '';
    if (')}]'.includes(letter)) depth++;
    else if ('({['.includes(letter) && --depth === 0) return text.slice(0, at).trimEnd();
  }
  return text;
}
