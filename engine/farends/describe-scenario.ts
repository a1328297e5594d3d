/** A scenario in one sentence, for lists: `451 4.7.1 for 5m for each new triplet, then accepts`. */
import type { FarEndSpec, Rule, Stage } from './far-end-schema.ts';
import { isFailing, replyOf } from './far-end-reply.ts';

const FILLING = { to: '…', from: '…', ip: '…', domain: '…', name: '…', id: '…' };
const RULES_SHOWN = 3;

const WHERE: Readonly<Record<Stage, string>> = {
  connect: 'at connect',
  ehlo: 'at EHLO',
  starttls: 'at STARTTLS',
  auth: 'at AUTH',
  mail: 'at MAIL',
  rcpt: 'at RCPT',
  data: 'at DATA',
  content: 'while the message arrives',
  dot: 'after the final dot',
  rset: 'at RSET',
  quit: 'at QUIT',
};

export function describeScenario(spec: FarEndSpec): string {
  const notes = [
    ...(spec.protocol === 'lmtp' ? ['LMTP'] : []),
    ...(spec.tls === 'none' ? [] : [TLS_WORDS[spec.tls]]),
    ...(spec.tlsRequired ? ['TLS required'] : []),
    ...(spec.authRequired ? ['AUTH required'] : []),
    ...(spec.without.length > 0 ? [`without ${spec.without.join(', ')}`] : []),
  ];
  const rules = spec.rules.slice(0, RULES_SHOWN).map(describeRule);
  const more = spec.rules.length - rules.length;
  if (more > 0) rules.push(`${more} more`);
  const whatElse = spec.rules.length > 0 && spec.rules.every(isSometimes) ? ['else accepts'] : [];
  const sentence = [...rules, ...whatElse].join('; ') || 'Accepts everything';
  return [sentence, ...notes].join(' · ');
}

const TLS_WORDS = {
  good: 'TLS',
  'self-signed': 'TLS with a self-signed certificate',
  expired: 'TLS with an expired certificate',
  'wrong-name': 'TLS for another name',
  'old-protocol': 'TLS 1.0 and 1.1 only',
} as const;

function describeRule(rule: Rule): string {
  return [what(rule), WHERE[rule.at], condition(rule)].filter((part) => part !== '').join(' ');
}

function what(rule: Rule): string {
  if (isFailing(rule)) {
    const { code, enhanced } = replyOf(rule, FILLING);
    const reply = enhanced === '' ? String(code) : `${code} ${enhanced}`;
    if (rule.do === 'greylist') return `${reply} for ${rule.delay ?? '5m'} to each new triplet`;
    if (rule.do === 'fail-first')
      return `${reply} ${times(rule.count ?? 1)} per ${rule.per ?? 'recipient'}`;
    if (rule.do === 'rate-limit') return `${reply} above ${rule.max} in ${rule.window ?? '1m'}`;
    return reply;
  }
  switch (rule.do) {
    case 'accept':
      return 'accepts';
    case 'slow':
      return `waits ${rule.wait}`;
    case 'drip':
      return `a byte every ${rule.interval}`;
    case 'hang':
      return 'hangs';
    case 'disconnect':
      return rule.how === 'reset' ? 'resets the connection' : 'disconnects';
    case 'garbage':
      return 'talks nonsense';
    case 'extra-reply':
      return 'answers twice';
    case 'out-of-order':
      return 'answers out of order';
  }
}

function condition(rule: Rule): string {
  const parts = [
    ...(rule.to === undefined ? [] : [`for ${rule.to}`]),
    ...(rule.from === undefined ? [] : [`from ${rule.from}`]),
    ...(rule.chance === undefined ? [] : [`${Math.round(rule.chance * 100)} % of the time`]),
    ...(rule.times === undefined ? [] : [times(rule.times)]),
    ...('afterBytes' in rule && rule.afterBytes ? [`after ${rule.afterBytes} bytes`] : []),
  ];
  return parts.join(', ');
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** Lets some deliveries through untouched. */
function isSometimes(rule: Rule): boolean {
  return (
    rule.to !== undefined ||
    rule.from !== undefined ||
    rule.chance !== undefined ||
    rule.times !== undefined ||
    rule.do === 'greylist' ||
    rule.do === 'fail-first' ||
    rule.do === 'rate-limit'
  );
}
