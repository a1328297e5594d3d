/**
 * The trace headers of a message that came by SMTP: Received, which says how it came, and the
 * supplemental header, which lets a complaint about it be recognised later.
 *
 * Source: RFC 5321 §4.4; layout as recorded from KumoMTA.
 */
import { formatRfc2822 } from '../mail/date.ts';
import type { Message } from '../mail/message.ts';
import { wrapText } from '../mail/wrap.ts';
import type { Session } from './session.ts';

/** Puts a Received header on top, for the message's first recipient. */
export function addReceivedHeader(session: Session, message: Message): void {
  const { tls, ehlo, peer, local, params } = session;
  const protocol = tls ? (session.identity === null ? 'ESMTPS' : 'ESMTPSA') : 'ESMTP';
  const cipher = tls ? ` (${tls.version}:${tls.cipher}) ` : '';
  const recipient = message.recipients[0]?.email ?? '';
  prepend(
    message,
    `Received: from ${ehlo ?? 'unspecified'} (${peer.ip})\r\n` +
      `  by ${params.hostname} (KumoMTA ${local.ip}) \r\n` +
      `  with ${protocol}${cipher} id ${message.id} for <${recipient}>;\r\n` +
      `  ${formatRfc2822(session.deps.mailClock.now())}\r\n`,
  );
}

/** Puts the supplemental header on top: who gets it and the metadata the listener names. */
export function addSupplementalHeader(session: Session, message: Message): void {
  const { headerName, includeMetaNames } = session.params.traceHeaders;
  const emails = message.recipients.map((recipient) => recipient.email);
  const values: [string, unknown][] = [
    ['_@_', '\\_/'],
    ...includeMetaNames.map((name): [string, unknown] => [name, message.meta[name] ?? null]),
    ['recipient', emails.length === 1 ? emails[0] : emails],
  ];
  const sorted = Object.fromEntries(new Map(values.sort(([a], [b]) => (a < b ? -1 : 1))));
  const encoded = Buffer.from(JSON.stringify(sorted)).toString('base64');
  prepend(message, `${headerName}: ${wrapText(encoded, 75)}\r\n`);
}

function prepend(message: Message, header: string): void {
  message.data = Buffer.concat([Buffer.from(header), message.data]);
}
