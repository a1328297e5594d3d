/**
 * A reply as a far end says it: several lines, any script, any enhanced code, in contrast to what
 * the SMTP server package can say by itself. Control characters never pass: they would split it.
 *
 * Source: RFC 5321 §4.2, RFC 2034.
 */
import type { Behaviour, Rule } from './far-end-schema.ts';
import { PROVIDER_REPLIES } from './provider-replies.ts';
import type { ProviderReply } from './provider-replies.ts';

export interface FarEndReply {
  readonly code: number;
  /** `4.7.1`; empty for none. */
  readonly enhanced: string;
  readonly lines: readonly string[];
}

/** What `{to}` and the like stand for. */
export type Filling = Readonly<Record<'to' | 'from' | 'ip' | 'domain' | 'name' | 'id', string>>;

type Failing = Extract<Rule, { do: 'reject' | 'greylist' | 'fail-first' | 'rate-limit' }>;

const DEFAULTS: Readonly<Record<Failing['do'], ProviderReply>> = {
  reject: { code: 550, enhanced: '5.7.1', text: 'Refused by {name}' },
  greylist: { code: 451, enhanced: '4.7.1', text: 'Greylisted, try again later' },
  'fail-first': { code: 451, enhanced: '4.3.0', text: 'Temporary failure, try again' },
  'rate-limit': { code: 421, enhanced: '4.7.0', text: 'Too much mail from {ip}, slow down' },
};

const UNKNOWN_USER: ProviderReply = { code: 550, enhanced: '5.1.1', text: 'No such user: {to}' };

/** The reply of a rule that refuses: its own words, else those it is `like`, else the usual ones. */
export function replyOf(rule: Failing, filling: Filling): FarEndReply {
  const usual = rule.do === 'reject' && rule.at === 'rcpt' ? UNKNOWN_USER : DEFAULTS[rule.do];
  const base: ProviderReply = rule.like === undefined ? usual : PROVIDER_REPLIES[rule.like];
  const code = rule.code ?? base.code;
  return {
    code,
    enhanced: rule.enhanced ?? usualEnhanced(rule, code, base),
    lines: linesOf(rule.text ?? base.text, filling),
  };
}

export function linesOf(text: string | readonly string[], filling: Filling): string[] {
  const lines = typeof text === 'string' ? text.split(/\r?\n/) : text;
  return lines.map((line) =>
    line.replace(/\{(to|from|ip|domain|name|id)\}/g, (_all, key: keyof Filling) => filling[key]),
  );
}

/** On the wire, CRLF included. */
export function formatFarEndReply(reply: FarEndReply): Buffer {
  const { code, enhanced, lines } = reply;
  const status = enhanced === '' ? '' : `${enhanced} `;
  const whole = lines.length === 0 ? [''] : lines;
  const text = whole
    .map((line, index) => {
      const separator = index < whole.length - 1 ? '-' : ' ';
      return `${code}${separator}${status}${withoutControls(line)}`.trimEnd();
    })
    .map((line) => (line.length === 3 ? `${line} ` : line))
    .join('\r\n');
  return Buffer.from(`${text}\r\n`, 'utf8');
}

/** Greetings and answers to EHLO carry no enhanced code (RFC 2034 §3). */
function usualEnhanced(rule: Failing, code: number, base: ProviderReply): string {
  if (rule.at === 'connect' || rule.at === 'ehlo') return '';
  const kind = String(code)[0] ?? '5';
  if (rule.code === undefined || base.enhanced.startsWith(kind)) return base.enhanced;
  return `${kind}.0.0`;
}

function withoutControls(line: string): string {
  return line.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

export function isFailing(rule: Rule): rule is Failing {
  const failing: readonly Behaviour[] = ['reject', 'greylist', 'fail-first', 'rate-limit'];
  return failing.includes(rule.do);
}

/** A reply in one line, for lists: `451 4.7.1 Greylisted, try again later`. */
export function shownReply(reply: FarEndReply): string {
  const status = reply.enhanced === '' ? '' : ` ${reply.enhanced}`;
  return `${reply.code}${status} ${reply.lines.join(' ')}`.trimEnd();
}
