/**
 * Addresses that fail on purpose, on every far end and without set-up: the forms that people know
 * from Mailtrap, mox, KumoMTA's sink and the simulator of Amazon SES. Each is turned into a rule, so
 * that it is carried out like one that somebody wrote down.
 *
 * Source: `docs/far-ends.md` lists the forms; the services' own documentation.
 */
import type { Rule, Stage } from './far-end-schema.ts';

interface MagicAddress {
  readonly stage: 'mail' | 'rcpt' | 'dot';
  readonly rule: Rule;
}

/** The rule behind a recipient (at `rcpt` and `dot`) or sender (at `mail`); null: an ordinary address. */
export function magicRule(stage: Stage, address: string): Rule | null {
  if (stage !== 'mail' && stage !== 'rcpt' && stage !== 'dot') return null;
  const at = address.lastIndexOf('@');
  const local = (at < 0 ? address : address.slice(0, at)).toLowerCase();
  const domain = at < 0 ? '' : address.slice(at + 1).toLowerCase();
  const magic =
    stage === 'mail'
      ? mox(local)
      : (mailtrap(local) ?? sesSimulator(local, domain) ?? kumoSink(local, address) ?? mox(local));
  return magic?.stage === stage ? magic.rule : null;
}

/** `bounce+550+no+such+user@…`: the reply in the form of a URL, `%4E` for a capital letter. */
function mailtrap(local: string): MagicAddress | null {
  const match = /^bounce\+([45]\d\d)(?:\+(.*))?$/.exec(local);
  if (!match) return null;
  return refused('rcpt', Number(match[1]), urlDecoded(match[2] ?? '') || 'Bounced as asked');
}

/** `bounce@simulator.amazonses.com`, also with a label: `bounce+run7@…`. */
function sesSimulator(local: string, domain: string): MagicAddress | null {
  if (domain !== 'simulator.amazonses.com') return null;
  switch (local.split('+')[0]) {
    case 'bounce':
      return refused('rcpt', 550, '5.1.1 user unknown');
    case 'suppressionlist':
      return refused('rcpt', 550, '5.1.1 Address is on the suppression list');
    case 'success':
    case 'ooto':
    case 'complaint':
      return { stage: 'rcpt', rule: { do: 'accept', at: 'rcpt' } };
    default:
      return null;
  }
}

/** `…tempfail…`, `…permfail…`, `450-anything`: a prefix with a code is said back. */
function kumoSink(local: string, address: string): MagicAddress | null {
  if (local.includes('tempfail')) return refused('rcpt', 400, 'tempfail requested');
  if (local.includes('permfail')) return refused('rcpt', 500, 'permfail requested');
  const code = /^([245])(\d\d)-/.exec(local);
  if (!code) return null;
  if (code[1] === '2') return { stage: 'rcpt', rule: { do: 'accept', at: 'rcpt' } };
  return refused('rcpt', Number(`${code[1]}${code[2]}`), `you said ${address}`);
}

/**
 * Ends with `temperror`, `permerror`, a code, or `timeout`: after the data, or at the command that
 * the address begins with (`mailfrom…`, `rcptto…`).
 */
function mox(local: string): MagicAddress | null {
  const stage = local.startsWith('mailfrom') ? 'mail' : local.startsWith('rcptto') ? 'rcpt' : 'dot';
  const end = /(temperror|permerror|timeout|[45]\d\d)$/.exec(local)?.[1];
  switch (end) {
    case undefined:
      return null;
    case 'timeout':
      return { stage, rule: { do: 'hang', at: stage } };
    case 'temperror':
      return refused(stage, 451, '4.3.0 temporary error as requested');
    case 'permerror':
      return refused(stage, 550, '5.3.0 permanent error as requested');
    default:
      return refused(stage, Number(end), `${end[0]}.3.0 error as requested`);
  }
}

/** An enhanced code at the front of the text is taken as one; without, the reply has none. */
function refused(stage: MagicAddress['stage'], code: number, words: string): MagicAddress {
  const match = /^([45]\.\d{1,3}\.\d{1,3}) (.*)$/s.exec(words);
  const enhanced = match?.[1] ?? '';
  return { stage, rule: { do: 'reject', at: stage, code, enhanced, text: match?.[2] ?? words } };
}

/** Control characters would split the reply. */
function urlDecoded(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  let decoded = spaced;
  try {
    decoded = decodeURIComponent(spaced);
  } catch {
    // A lone `%` is meant as it stands.
  }

  return decoded.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
}
