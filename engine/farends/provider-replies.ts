/**
 * Replies in the manner of large receivers: how many lines, where the links and the codes in
 * brackets stand, which enhanced codes. Our own wording, made for tests of classifiers and of
 * traffic shaping. `{ip}`, `{to}`, `{domain}` and `{id}` are filled in.
 *
 * Source: RFC 3463, RFC 6710, RFC 7372, RFC 7505 for the codes.
 */
export interface ProviderReply {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string | readonly string[];
}

export type ProviderReplyName = keyof typeof PROVIDER_REPLIES;

export const PROVIDER_REPLIES = {
  'google/no-such-user': {
    code: 550,
    enhanced: '5.1.1',
    text: [
      'The address you wrote to does not exist here. Look for',
      'typing errors or spaces in {to}. More at',
      'https://support.example/mail/?p=NoSuchUser {id} - gsmtp',
    ],
  },
  'google/over-quota': {
    code: 452,
    enhanced: '4.2.2',
    text: [
      'The inbox of this recipient is out of storage.',
      'Ask them to make room and try again.',
      'https://support.example/mail/?p=OverQuotaTemp {id} - gsmtp',
    ],
  },
  'google/rate': {
    code: 421,
    enhanced: '4.7.28',
    text: [
      'An unusual rate of mail comes from your address {ip}.',
      'To protect our users it is limited for now.',
      'https://support.example/mail/?p=UnsolicitedRateLimit {id} - gsmtp',
    ],
  },
  'google/unauthenticated': {
    code: 550,
    enhanced: '5.7.26',
    text: [
      'Mail without authentication is not taken from this domain:',
      'neither SPF nor DKIM passed for {domain}.',
      'https://support.example/mail/?p=UnauthenticatedEmail {id} - gsmtp',
    ],
  },
  'microsoft/blocked': {
    code: 550,
    enhanced: '5.7.1',
    text: 'Messages from [{ip}] were not sent on: part of this network is on our block list (S3140). [{id}.prod.protection.example]',
  },
  'microsoft/busy': {
    code: 451,
    enhanced: '4.7.650',
    text: 'The mail server [{ip}] is limited for now because of its reputation (S775). [{id}.prod.protection.example]',
  },
  'microsoft/no-such-user': {
    code: 550,
    enhanced: '5.5.0',
    text: 'Requested action not taken: mailbox unavailable (S2017062302). [{id}.prod.protection.example]',
  },
  'microsoft/tenant-greylist': {
    code: 451,
    enhanced: '4.7.500',
    text: 'Server busy. Try again later from [{ip}]. (S77719) [{id}.prod.protection.example]',
  },
  'yahoo/deferred': {
    code: 421,
    enhanced: '4.7.0',
    text: '[TSS04] Messages from {ip} deferred for now: unexpected volume or complaints - 4.16.55.1; see https://postmaster.example/error-codes',
  },
  'yahoo/no-such-user': {
    code: 554,
    enhanced: '',
    text: 'delivery error: dd This user has no account here ({to}) [0] - mta4{id}.mail.example',
  },
  'yahoo/refused': {
    code: 553,
    enhanced: '5.7.1',
    text: '[BL21] Connections from {ip} are not accepted; see https://postmaster.example/error-codes',
  },
  'apple/over-quota': {
    code: 552,
    enhanced: '5.2.2',
    text: '<{to}>: user is over quota',
  },
  'apple/local-policy': {
    code: 554,
    enhanced: '5.7.1',
    text: '[CS01] Message rejected by local policy, see https://support.example/HT204137',
  },
  'postfix/greylisted': {
    code: 450,
    enhanced: '4.2.0',
    text: '<{to}>: Recipient address rejected: Greylisted, see http://postgrey.example/help/{domain}.html',
  },
  'postfix/unknown-user': {
    code: 550,
    enhanced: '5.1.1',
    text: '<{to}>: Recipient address rejected: User unknown in virtual mailbox table',
  },
  'exchange/no-such-user': {
    code: 550,
    enhanced: '5.1.10',
    text: 'RESOLVER.ADR.RecipientNotFound; Recipient {to} not found by SMTP address lookup',
  },
  'german/postfach-voll': {
    code: 452,
    enhanced: '4.2.2',
    text: [
      'Das Postfach des Empfängers ist voll.',
      'Bitte später noch einmal versuchen (Größe überschritten).',
    ],
  },
  'japanese/unknown-user': {
    code: 550,
    enhanced: '5.1.1',
    text: '宛先のメールアドレスが見つかりません: {to}',
  },
} as const satisfies Readonly<Record<string, ProviderReply>>;
