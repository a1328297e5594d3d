/**
 * What an attempt's details say about where it went and why, as sentences with links to where they
 * come from. Pure. The keys are those that `delivery/` and `compose/capture-leaving.ts` write.
 */
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { AttemptRead } from '../store/journey-reads.ts';
import { PORT_RULES, isObject, text } from './journey-plan.ts';
import type { JourneyStep, SourceLink } from './protocol.ts';

type Sentence = string | { readonly text: string; readonly source: SourceLink | null };

/** Each in its order; null: nothing worth a line. */
const READERS: ReadonlyMap<string, (value: JsonValue) => readonly Sentence[]> = new Map<
  string,
  (value: JsonValue) => readonly Sentence[]
>([
  ['lookups', (value) => textsOf(value).map(lookupSentence)],
  ['failedBefore', (value) => textsOf(value).map((failure) => `Tried before: ${failure}`)],
  ['host', (value) => (isObject(value) ? [hostSentence(value)] : [])],
  [
    'transactionOnConnection',
    (value) =>
      Number(value) > 1 ? [`Transaction ${text(value)} on a connection that was open already`] : [],
  ],
  [
    'tls',
    (value) =>
      isObject(value) ? [`Encrypted with ${text(value['version'])}, ${text(value['cipher'])}`] : [],
  ],
  ['constructor', (value) => [`By the Lua constructor ${text(value)}`]],
  ['capturedInsteadOfLeaving', () => ['Captured instead of leaving the machine']],
  ['wouldHaveGoneTo', (value) => [`It would have gone to ${text(value)}`]],
  ['notes', (value) => textsOf(value)],
]);

/** Shown elsewhere: the plan as a part of its own, the arithmetic with the wait. */
const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set(['plan', 'arithmetic']);

export function attemptSteps({ details }: Pick<AttemptRead, 'details'>): JourneyStep[] {
  const known = [...READERS].flatMap(([key, read]) => {
    const value = Object.hasOwn(details, key) ? details[key] : null;
    return value === null || value === undefined ? [] : read(value);
  });
  const others = Object.entries(details)
    .filter(([key, value]) => !READERS.has(key) && !SHOWN_ELSEWHERE.has(key) && value !== null)
    .flatMap(([key, value]) => otherSentences(words(key), value));
  return [...known, ...others].map(stepOf);
}

function stepOf(sentence: Sentence): JourneyStep {
  const { text: words, source } =
    typeof sentence === 'string' ? { text: sentence, source: null } : sentence;
  return {
    kind: 'why',
    offsetMs: null,
    what: '',
    text: words,
    result: '',
    durationMs: null,
    source,
  };
}

/** `mx.corp.test.: 127.0.0.1 (zones/corp.zone)` links to the zone. */
function lookupSentence(note: string): Sentence {
  const zone = /zones\/[^\s,()]+\.zone/.exec(note)?.[0];
  return {
    text: `Looked up ${note}`,
    source: zone === undefined ? null : { label: zone, file: zone },
  };
}

function hostSentence(host: JsonObject): string {
  const name = text(host['name']);
  const ip = text(host['ip']);
  const where = name === ip || name === '' ? ip : `${name} (${ip})`;
  const rule = PORT_RULES[text(host['portFrom'])];
  return `Connected to ${where}, port ${text(host['port'])}${rule === undefined ? '' : `: ${rule}`}`;
}

/** A key nobody has words for: still no raw JSON. */
function otherSentences(key: string, value: JsonValue): string[] {
  if (Array.isArray(value)) return value.map((one) => `${key}: ${plain(one)}`);
  if (!isObject(value)) return [`${key}: ${plain(value)}`];
  return Object.entries(value).map(([name, one]) => `${key}, ${words(name)}: ${plain(one)}`);
}

function plain(value: JsonValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function textsOf(value: JsonValue): string[] {
  return Array.isArray(value) ? value.map(plain) : [];
}

/** `wouldHaveGoneTo` as `would have gone to`. */
function words(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll('_', ' ');
}
