/**
 * The reader behind `address-list.ts`: a cursor over the text of an address field with one
 * method per rule of the grammar.
 *
 * Source: RFC 5322 §3.2–3.4, §4.4; RFC 6532 (UTF-8 in atoms).
 */
import type { Address, AddressGroup, Mailbox } from './address-list.ts';
import { decodeHeaderText } from './rfc2047.ts';
import { headerString } from './header.ts';

/** RFC 5322 atext, and everything above ASCII. */
const ATOM = /[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+/uy;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;
const LITERAL = /\[[^\]\\[]*\]/y;

/** A word of a phrase or local part. */
interface Word {
  readonly text: string;
  readonly isQuoted: boolean;
}

export class AddressScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  addressList(): Address[] {
    const found: Address[] = [];
    for (;;) {
      this.#skipBlanks();
      if (this.#eat(',')) continue;
      if (this.#isAtEnd) return found;
      found.push(this.#address());
      this.#skipBlanks();
      if (!this.#isAtEnd && !this.#eat(',')) throw this.#expected('","', 'address_list');
    }
  }

  wholeAddrSpec(): Mailbox {
    this.#skipBlanks();
    const local = this.#localPart();
    const mailbox = this.#mailbox(null, local, this.#atDomain());
    this.#skipBlanks();
    if (!this.#isAtEnd) throw this.#expected('end of input', 'addr_spec');
    return mailbox;
  }

  #address(): Address {
    const start = this.#at;
    const words = this.#phrase();
    this.#skipBlanks();
    if (this.#peek === ':' && words.length > 0) return this.#group(phraseText(words));
    if (this.#peek === '<') return this.#angleAddress(words);
    this.#at = start;
    const local = this.#localPart();
    const domain = this.#atDomain();
    return this.#mailbox(null, local, domain);
  }

  #group(name: string): AddressGroup {
    this.#at++;
    const members: Mailbox[] = [];
    for (;;) {
      this.#skipBlanks();
      if (this.#eat(',')) continue;
      if (this.#eat(';')) return { group: name, members };
      if (this.#isAtEnd) throw this.#expected('";"', 'group');
      const member = this.#address();
      if ('group' in member) throw this.#expected('mailbox', 'group');
      members.push(member);
    }
  }

  #angleAddress(words: readonly Word[]): Mailbox {
    this.#at++;
    this.#skipBlanks();
    this.#skipRoute();
    const local = this.#localPart();
    const domain = this.#atDomain();
    this.#skipBlanks();
    if (!this.#eat('>')) throw this.#expected('">"', 'angle_addr');
    return this.#mailbox(words.length > 0 ? phraseText(words) : null, local, domain);
  }

  /** `@a,@b:` in front of the address: obsolete, and dropped. */
  #skipRoute(): void {
    if (this.#peek !== '@') return;
    const colon = this.#text.indexOf(':', this.#at);
    if (colon >= 0) this.#at = colon + 1;
    this.#skipBlanks();
  }

  #phrase(): Word[] {
    const words: Word[] = [];
    for (;;) {
      this.#skipBlanks();
      const word = this.#word() ?? this.#obsoleteDot(words);
      if (!word) return words;
      words.push(word);
    }
  }

  /** A dot inside a phrase (`John Q. Public`), which RFC 5322 §4.1 allows to be read. */
  #obsoleteDot(before: readonly Word[]): Word | undefined {
    return before.length > 0 && this.#eat('.') ? { text: '.', isQuoted: false } : undefined;
  }

  #word(): Word | undefined {
    const quoted = this.#match(QUOTED);
    if (quoted) return { text: (quoted[1] ?? '').replace(/\\([\s\S])/g, '$1'), isQuoted: true };
    const atom = this.#match(ATOM);
    return atom && { text: atom[0], isQuoted: false };
  }

  #localPart(): string {
    const words: string[] = [];
    do {
      this.#skipBlanks();
      const word = this.#word();
      if (!word) throw this.#expected('local part', 'local_part');
      words.push(word.text);
      this.#skipBlanks();
    } while (this.#eat('.'));
    return words.join('.');
  }

  #atDomain(): string {
    if (!this.#eat('@')) throw this.#expected('"@"', 'addr_spec');
    this.#skipBlanks();
    const literal = this.#match(LITERAL);
    if (literal) return literal[0];
    const labels: string[] = [];
    do {
      this.#skipBlanks();
      const atom = this.#match(ATOM);
      if (!atom) throw this.#expected('domain', 'domain');
      labels.push(atom[0]);
    } while (this.#eat('.'));
    return labels.join('.');
  }

  #mailbox(name: string | null, user: string, domain: string): Mailbox {
    const isDotAtom = /^[^\s"(),.:;<>@[\\\]]+(\.[^\s"(),.:;<>@[\\\]]+)*$/.test(user);
    const local = isDotAtom ? user : `"${user.replace(/["\\]/g, '\\$&')}"`;
    return { name, user, domain, address: `${local}@${domain}` };
  }

  #skipBlanks(): void {
    for (;;) {
      while (/\s/.test(this.#peek)) this.#at++;
      if (this.#peek !== '(') return;
      this.#skipComment();
    }
  }

  #skipComment(): void {
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at];
      if (c === '\\') this.#at++;
      else if (c === '(') depth++;
      else if (c === ')' && --depth === 0) {
        this.#at++;
        return;
      }
    }
    throw this.#expected('")"', 'comment');
  }

  get #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  get #isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  #eat(character: string): boolean {
    if (this.#peek !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at += match[0].length;
    return match ?? undefined;
  }

  /** The parser's complaint with the line and a marker below it, as KumoMTA lays it out. */
  #expected(wanted: string, rule: string): Error {
    const before = this.#text.slice(0, this.#at);
    const lineNumber = before.split('\n').length;
    const lineStart = before.lastIndexOf('\n') + 1;
    const lineEnd = this.#text.indexOf('\n', this.#at);
    const line = this.#text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd);
    const column = this.#at - lineStart;
    const rest = line.slice(column, column + 10);
    const found = rest === '' ? 'got end of input' : `but found "${rest.slice(0, 1)}"`;
    const marker = `${' '.repeat(column)}^${'_'.repeat(Math.max(line.length - column - 1, 0))}`;
    return new Error(
      `invalid header: Error at line ${lineNumber}, expected ${wanted} ${found}:\n` +
        `${line}\n${marker}\n\nwhile parsing ${rule}\n`,
    );
  }
}

/** Words joined by blanks; encoded words are decoded together, quoted ones kept as they are. */
function phraseText(words: readonly Word[]): string {
  const parts: string[] = [];
  let plain: string[] = [];
  const flush = (): void => {
    if (plain.length === 0) return;
    parts.push(headerString(decodeHeaderText(Buffer.from(plain.join(' ')))));
    plain = [];
  };
  for (const word of words) {
    if (word.text === '.' && !word.isQuoted) {
      const last = plain.pop() ?? '';
      plain.push(`${last}.`);
    } else if (word.isQuoted) {
      flush();
      parts.push(word.text);
    } else {
      plain.push(word.text);
    }
  }
  flush();
  return parts.join(' ');
}
