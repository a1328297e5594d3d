/**
 * Names the kind of a failure by matching its reply against the rules that the policy configured.
 * The first class, in file order, with a rule that matches wins; else `Uncategorized`.
 *
 * Source: reference `lua-api.md` §7.6; `http-logs-reception.md` §3.1.
 */
import type { RecordType } from './record.ts';

/** Only failures have a kind. */
const CLASSIFIED: ReadonlySet<RecordType> = new Set([
  'Bounce',
  'TransientFailure',
  'Expiration',
  'AdminBounce',
  'OOB',
  'Feedback',
  'Rejection',
]);

const REMEMBERED_MAX = 1024;

/** How a rule's text becomes a regular expression, and a file's text its rules; given by the engine. */
export interface ClassifierParsers {
  /** The text of a file. @throws {Error} in the words of the policy's file functions */
  readonly read: (file: string) => string;
  readonly toml: (text: string) => unknown;
  readonly json: (text: string) => unknown;
  readonly regex: (pattern: string) => { test(text: string): boolean };
}

export class BounceClassifier {
  readonly #rules: {
    readonly name: string;
    readonly matches: readonly { test(text: string): boolean }[];
  }[] = [];
  readonly #remembered = new Map<string, string>();

  /** @throws {Error} a file is unreadable, of another kind, or has a rule that is no pattern */
  constructor(files: readonly string[], parsers: ClassifierParsers) {
    for (const file of files) this.#load(file, parsers);
  }

  /** @param reply on one line: `550 5.1.1 no such user` */
  classify(type: RecordType, reply: string): string {
    if (!CLASSIFIED.has(type)) return 'Uncategorized';
    const known = this.#remembered.get(reply);
    if (known !== undefined) return known;
    const name =
      this.#rules.find((rule) => rule.matches.some((match) => match.test(reply)))?.name ??
      'Uncategorized';
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(reply, name);
    return name;
  }

  #load(file: string, parsers: ClassifierParsers): void {
    const parse = file.endsWith('.toml')
      ? parsers.toml
      : file.endsWith('.json')
        ? parsers.json
        : null;
    if (parse === null)
      throw new Error(
        `${file}: classifier files must have either .toml or .json filename extension`,
      );
    const content = parse(parsers.read(file)) as {
      rules?: Record<string, readonly string[]>;
    };
    for (const [name, patterns] of Object.entries(content.rules ?? {})) {
      this.#rules.push({ name, matches: patterns.map((pattern) => parsers.regex(pattern)) });
    }
  }
}
