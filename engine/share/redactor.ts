/**
 * Takes secrets out of everything that goes into a shared file: by name, by shape, and by value (the
 * secrets that the workspace knows, wherever they turn up, plain or encoded). The folder of the
 * workspace goes too: where somebody's home is concerns nobody.
 */
import type { JsonObject, JsonValue } from '../mail/json.ts';
import { maskSource, maskText } from './mask-text.ts';
import { ROW_STATES } from '../store/ops.ts';
import { SECRET, isSecretName } from './secret-name.ts';

/** Shorter values are words that occur by chance. */
const VALUE_CHARS_MIN = 5;
/** Encoded forms of shorter ones are too. */
const ENCODED_CHARS_MIN = 6;
const VALUES_MAX = 5_000;

/** What holds the file together, by the key it stands under; a password may be any of these words. */
const STRUCTURE: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    format: ['postyard-share'],
    state: ROW_STATES,
    who: ['client', 'server', 'note'],
    outcome: ['running', 'delivered', 'deferred', 'bounced', 'cancelled', 'interrupted'],
    level: ['queue', 'message'],
    mode: ['off', 'reject', 'null', 'bounce'],
    kind: [
      ...['reception', 'policy', 'queue', 'plan', 'attempt', 'wait', 'maildir', 'record', 'note'],
      ...['line', 'call', 'meta', 'print', 'why', 'error', 'shadowed', 'conflict', 'target'],
      ...['routingDomain', 'mxList', 'farEnd', 'customLua', 'null', 'reject'],
    ],
  }).map(([key, words]) => [key, new Set<string>(words)]),
);
const IDENTITY_KEYS: ReadonlySet<string> = new Set(['messageId', 'sha256', 'message', 'original']);
const IDENTITY = /^([0-9a-f]{32}|[0-9a-f]{64}|messages\/\d+(\.original)?\.eml)$/;

export class Redactor {
  readonly #values: RegExp | null;
  readonly #folder: string;

  /**
   * @param values secrets as they are
   * @param folder of the workspace; paths inside become relative
   */
  constructor(values: Iterable<string>, folder = '') {
    const forms = new Set([...values].slice(0, VALUES_MAX).flatMap(formsOf));
    // The longest first: a secret may contain another one.
    const sorted = [...forms].sort((a, b) => b.length - a.length);
    this.#values = sorted.length === 0 ? null : new RegExp(sorted.map(escaped).join('|'), 'g');
    this.#folder = folder;
  }

  text(text: string): string {
    return this.#known(maskText(this.#known(text)));
  }

  source(text: string): string {
    return this.#known(maskSource(this.#known(text)));
  }

  /** A copy without secrets; what a secret's name holds is masked as a whole. */
  json<T>(value: T): T {
    return this.#value(value as JsonValue) as T;
  }

  /** A record: exactly as written when there is nothing to take out. */
  recordJson(json: string): string {
    const parsed = JSON.parse(json) as JsonValue;
    const before = JSON.stringify(parsed);
    const after = JSON.stringify(this.#value(parsed));
    return before === after ? json : after;
  }

  #known(text: string): string {
    const known = this.#values === null ? text : text.replace(this.#values, SECRET);
    if (this.#folder === '' || !known.includes(this.#folder)) return known;
    return known.replaceAll(`${this.#folder}/`, '').replaceAll(this.#folder, '.');
  }

  #value(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return afterChallenge(value.map((one) => this.#value(one)));
    if (typeof value !== 'object' || value === null) return value;
    return this.#object(value);
  }

  #object(object: JsonObject): JsonObject {
    const copy: JsonObject = {};
    for (const [key, value] of Object.entries(object)) {
      if (isStructure(key, value)) {
        copy[key] = value;
        continue;
      }
      const isSecret = isSecretName(key) && value !== null && typeof value !== 'boolean';
      // A subject is the message's own and in its bytes: "Your password: reset" is no secret.
      const isSubject = key.toLowerCase() === 'subject' && typeof value === 'string';
      const masked = isSubject ? this.#known(value) : this.#value(value);
      define(copy, this.#known(key), isSecret ? secretOf(value) : masked);
    }
    return maskStep(copy);
  }
}

function isStructure(key: string, value: JsonValue): value is string {
  if (typeof value !== 'string') return false;
  if (IDENTITY_KEYS.has(key)) return IDENTITY.test(value);
  return STRUCTURE.get(key)?.has(value) === true;
}

/** A step of the Journey names in one field what it tells in another. */
function maskStep(step: JsonObject): JsonObject {
  const { what, kind } = step;
  if (typeof what !== 'string') return step;
  if (kind === 'meta' && isSecretName(what)) {
    const shown = (value: JsonValue | undefined): JsonValue =>
      value === 'unset' || value === undefined ? (value ?? '') : SECRET;
    return { ...step, text: shown(step['text']), result: shown(step['result']) };
  }
  if (what.toUpperCase() === 'AUTH' && typeof step['text'] === 'string') {
    const [mechanism = '', ...rest] = step['text'].split(' ');
    return { ...step, text: rest.length === 0 ? mechanism : `${mechanism} ${SECRET}` };
  }
  return step;
}

/** What a client says after 334 is a credential, whoever wrote the transcript. */
function afterChallenge(lines: JsonValue[]): JsonValue[] {
  return lines.map((line, index) => {
    const before = lines[index - 1];
    if (!isLine(line) || !isLine(before) || line['who'] !== 'client') return line;
    const isChallenged = before['who'] === 'server' && /^334/.test(String(before['text']));
    return isChallenged && line['text'] !== '*' ? { ...line, text: SECRET } : line;
  });
}

function isLine(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'who' in value;
}

function secretOf(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(secretOf);
  if (typeof value !== 'object' || value === null) return value === '' ? '' : SECRET;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, secretOf(one)]));
}

/** Also for a key like `__proto__`. */
function define(object: JsonObject, key: string, value: JsonValue): void {
  Object.defineProperty(object, key, {
    ...{ value, enumerable: true, writable: true, configurable: true },
  });
}

/** The value, in URLs, in JSON, and in base64 at each of the three places it may begin. */
function formsOf(value: string): string[] {
  if (value.length < VALUE_CHARS_MIN) return [];
  const forms = [value, encodeURIComponentOr(value), JSON.stringify(value).slice(1, -1)];
  if (value.length < ENCODED_CHARS_MIN) return forms;
  for (const shift of [0, 1, 2]) {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(value)]);
    const whole = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 3)));
    // Characters that depend on what stands before are left out.
    const core = whole.toString('base64').slice(shift === 0 ? 0 : 4);
    if (core.length >= ENCODED_CHARS_MIN)
      forms.push(core, core.replace(/\+/g, '-').replace(/\//g, '_'));
  }
  return forms;
}

function encodeURIComponentOr(value: string): string {
  try {
    return encodeURIComponent(value);
  } catch {
    return value;
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
