/**
 * One command line of a client, parsed: the verb with its arguments, or the reply that says what
 * is wrong with it. Knows the grammar only; whether a command is allowed now is not decided here.
 *
 * Source: RFC 5321 §4.1.1, RFC 4954 §4, RFC 3207, Postfix XCLIENT; recorded replies of KumoMTA.
 */
import { normalizeDomain } from '../mail/domain.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import { parseMailArgument, parseRcptArgument } from '../mail/path.ts';
import type { PathArgument, PathTrouble } from '../mail/path.ts';
import { expectedTag, syntaxTrace } from '../mail/syntax-trace.ts';

export type Command =
  | { readonly verb: 'EHLO' | 'HELO'; readonly domain: string }
  | {
      readonly verb: 'MAIL' | 'RCPT';
      readonly address: EnvelopeAddress;
      readonly params: ReadonlyMap<string, string | null>;
    }
  | { readonly verb: 'DATA' | 'RSET' | 'NOOP' | 'QUIT' | 'STARTTLS' | 'UNIMPLEMENTED' }
  | { readonly verb: 'AUTH'; readonly mechanism: string; readonly initial: string | null }
  | { readonly verb: 'XCLIENT'; readonly params: readonly XclientParam[] }
  | {
      readonly verb: 'BAD';
      readonly code: number;
      readonly text: string;
      /** A MAIL or RCPT that was recognised as one: it belongs to a transaction's story. */
      readonly about: 'MAIL' | 'RCPT' | null;
    };

export interface XclientParam {
  readonly name: string;
  /** Decoded from xtext. */
  readonly value: string;
}

const SYNTAX = 'Syntax error in command or arguments';
const BAD_SYNTAX: Command = { verb: 'BAD', code: 501, text: SYNTAX, about: null };
const UNIMPLEMENTED: Command = { verb: 'UNIMPLEMENTED' };

/** @param line without CRLF; never fails, the worst answer is `BAD` */
export function parseCommand(line: string): Command {
  const verb = /^[A-Za-z]+(?= |$)/.exec(line)?.[0];
  if (verb === undefined) return /^[A-Za-z]/.test(line) ? UNIMPLEMENTED : unparsable(line);
  const rest = line.slice(verb.length);
  const parse = VERBS.get(verb.toUpperCase());
  return parse ? parse(rest) : UNIMPLEMENTED;
}

/** By verb; each is given what follows it, the separating blank included. */
const VERBS: ReadonlyMap<string, (rest: string) => Command> = new Map([
  ['EHLO', (rest: string) => greeting('EHLO', rest)],
  ['HELO', (rest: string) => greeting('HELO', rest)],
  ['MAIL', (rest: string) => path('MAIL', parseMailArgument(rest))],
  ['RCPT', (rest: string) => path('RCPT', parseRcptArgument(rest))],
  ['DATA', (rest: string) => bare('DATA', rest)],
  ['RSET', (rest: string) => bare('RSET', rest)],
  ['QUIT', (rest: string) => bare('QUIT', rest)],
  ['STARTTLS', (rest: string) => bare('STARTTLS', rest)],
  // One word is allowed and ignored (RFC 5321 §4.1.1.9), more are not; recorded both ways.
  ['NOOP', (rest: string) => (WORD_OR_NOTHING.test(rest) ? { verb: 'NOOP' } : BAD_SYNTAX)],
  ['AUTH', auth],
  ['XCLIENT', xclient],
]);

// " atom" or " quoted string" (RFC 5321 §4.1.2 String), and blanks at the end of the line.
const WORD_OR_NOTHING =
  /^(?: (?:[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+|"(?:[^"\\]|\\[\x20-\x7e])*"))? *$/;

function bare(verb: 'DATA' | 'RSET' | 'QUIT' | 'STARTTLS', rest: string): Command {
  return rest.trim() === '' ? { verb } : BAD_SYNTAX;
}

function greeting(verb: 'EHLO' | 'HELO', rest: string): Command {
  const domain = normalizeDomain(rest.trim());
  return domain === undefined ? BAD_SYNTAX : { verb, domain };
}

function path(verb: 'MAIL' | 'RCPT', argument: PathArgument | PathTrouble): Command {
  if (argument === 'syntax') return BAD_SYNTAX;
  if (argument === 'address') return verb === 'MAIL' ? BAD_SENDER : BAD_RECIPIENT;
  return { verb, address: argument.address, params: argument.params };
}

const BAD_SENDER: Command = {
  verb: 'BAD',
  code: 501,
  text: "5.1.7 Bad sender's mailbox address syntax",
  about: 'MAIL',
};

const BAD_RECIPIENT: Command = {
  verb: 'BAD',
  code: 501,
  text: '5.1.3 Invalid recipient address syntax',
  about: 'RCPT',
};

function auth(rest: string): Command {
  const match = /^ ([A-Za-z\d_-]{1,20})(?: ([A-Za-z\d+/]+={0,2}|=))? *$/.exec(rest);
  if (match?.[1] === undefined) return BAD_SYNTAX;
  // "=" is how an empty initial response is written (RFC 4954 §4).
  const initial = match[2] === '=' ? '' : (match[2] ?? null);
  return { verb: 'AUTH', mechanism: match[1], initial };
}

function xclient(rest: string): Command {
  const params: XclientParam[] = [];
  for (const word of rest.trim().split(/ +/)) {
    const equals = word.indexOf('=');
    if (equals < 1) return BAD_SYNTAX;
    const value = decodeXtext(word.slice(equals + 1));
    if (value === undefined) return BAD_SYNTAX;
    params.push({ name: word.slice(0, equals), value });
  }
  return { verb: 'XCLIENT', params };
}

/** RFC 3461 §4: `+HH` stands for a byte. */
function decodeXtext(text: string): string | undefined {
  if (/\+(?![\dA-Fa-f]{2})/.test(text)) return undefined;
  return text.replace(/\+([\dA-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** A line that does not begin like any command: the reply shows where the parser stopped. */
function unparsable(line: string): Command {
  const trace = syntaxTrace(line, [expectedTag('XCLIENT', line, 0), { what: 'in Alt', at: 0 }]);
  return { verb: 'BAD', code: 501, text: `${SYNTAX}: ${trace.trimEnd()}`, about: null };
}
