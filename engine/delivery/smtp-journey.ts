/**
 * What the Journey shows of an SMTP attempt besides its outcomes: the plan, the host that was
 * chosen and by which rule its port, TLS, what failed before, and what production would do
 * differently. Pure.
 */
import type { JsonObject } from '../mail/json.ts';
import { reply } from '../mail/smtp-reply.ts';
import type { TranscriptLine } from '../store/store.ts';
import { ConnectFailure } from './deliverer.ts';
import type { SessionAddress, SmtpSessionSettings } from './deliverer.ts';
import { classify } from './smtp-classify.ts';
import type { OpeningFailure } from './smtp-dial.ts';
import type { Candidate } from './smtp-plan.ts';
import type { RecipientReply } from './smtp-transaction.ts';

interface AttemptFacts {
  /** `plan` and `lookups`, from the plan. */
  readonly plan: JsonObject;
  readonly host: Candidate | null;
  readonly tls: SessionAddress['tls'];
  /** Counted from 1; 0 when there was none. */
  readonly transactionOnConnection: number;
  readonly failedBefore: readonly string[];
  readonly notes: readonly string[];
}

export function attemptDetails(facts: AttemptFacts): JsonObject {
  const { plan, host, tls, transactionOnConnection, failedBefore, notes } = facts;
  const chosen = host && {
    name: host.address.name,
    ip: host.address.ip,
    port: host.port,
    portFrom: host.rule,
  };
  return {
    ...plan,
    host: chosen,
    transactionOnConnection,
    tls: tls && { version: tls.protocolVersion, cipher: tls.cipher },
    failedBefore: [...failedBefore],
    notes: [...notes],
  };
}

/** Replies that KumoMTA would log as a delivery although the message was not sent with them. */
export function unsentNotes(replies: readonly RecipientReply[]): string[] {
  const odd = replies.flatMap(({ reply: answer, stage, rcpt }) => {
    if (rcpt && rcpt.code !== 250) return [rcpt];
    return stage !== 'dot' && classify(answer.code) === 'delivered' ? [answer] : [];
  });
  const asked = new Set(odd.map((one) => `${one.code} to ${one.command?.trimEnd()}`));
  return [...asked].map(
    (what) => `KumoMTA would log the reply ${what} as a delivery without sending the message`,
  );
}

/**
 * Settings of a path or source that mean something in production and are not acted upon here; a
 * delivery that worked here may depend on them there.
 */
export function unusedSettings(settings: SmtpSessionSettings): string[] {
  const { path, source, mxList } = settings;
  const notes: string[] = [];
  const destination = settings.routingDomain ?? settings.domain;
  if (path.enableMtaSts && mxList.length === 0 && !destination.startsWith('[')) {
    notes.push(`MTA-STS: the policy of ${destination} is not looked up here`);
  }
  if (path.enableDane) notes.push('DANE: TLSA records are not looked up here');
  const proxy = source.socks5ProxyServer ?? source.haProxyServer;
  if (proxy !== null) {
    notes.push(`the proxy ${proxy} of source ${source.name} is not used here: connected directly`);
  }
  return notes;
}

/** The failure of all candidates: a summary when they failed alike, then their errors. */
export function connectFailure(
  failures: readonly OpeningFailure[],
  transcript: readonly TranscriptLine[],
  details: JsonObject,
): ConnectFailure {
  const all = (kind: OpeningFailure['kind']): boolean =>
    failures.length > 0 && failures.every((failure) => failure.kind === kind);
  const summary = all('insecure-starttls')
    ? 'All failures are related to OpportunisticInsecure STARTTLS. Consider setting enable_tls=Disabled for this site. '
    : all('unplumbed-source')
      ? 'All failures are related to having an unplumbed source address. Are the network interfaces provisioned correctly? '
      : '';
  const errors = failures.map((failure) => failure.message).join(', ');
  const refusal = failures.find((failure) => failure.kind === 'guard');
  return new ConnectFailure(`${summary}${errors}`, {
    transcript,
    details,
    ...(refusal ? { reply: reply(451, `4.7.1 ${refusal.message}`) } : {}),
  });
}
