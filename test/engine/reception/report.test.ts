/** Delivery reports and complaints that arrive for a domain that logs them. */
import { describe, expect, test } from 'vitest';
import { CidrSet } from '../../../engine/base/cidr.ts';
import type { LogDispositionMode } from '../../../engine/policy/settings.ts';
import { ReceptionWorld } from '../../support/reception-fakes.ts';
import { SmtpScript } from '../../support/smtp-script.ts';

const BOUNCE = `From: MAILER-DAEMON@remote.test
Subject: Undelivered Mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

Sorry, it failed.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; remote.test

Final-Recipient: rfc822; gone@far.test
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such mailbox
Last-Attempt-Date: Mon, 05 Jan 2015 10:00:00 +0000

Final-Recipient: rfc822; slow@far.test
Action: delayed
Status: 4.4.1

--b1--
`;

const COMPLAINT = `From: abuse@provider.test
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b2"

--b2
Content-Type: text/plain

A complaint.

--b2
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: ProviderFBL/1.0
Version: 1

--b2--
`;

async function receive(
  logs: { logOob?: LogDispositionMode; logArf?: LogDispositionMode },
  text: string,
) {
  await using world = await ReceptionWorld.open({ params: { relayHosts: new CidrSet([]) } });
  world.policy.on('get_listener_domain', (domain: string) =>
    domain === 'bounces.test'
      ? { relayTo: false, relayFrom: new CidrSet([]), logOob: 'Ignore', logArf: 'Ignore', ...logs }
      : null,
  );
  await using smtp = await SmtpScript.connect(world.address);
  await smtp.say('EHLO remote.test');
  const [reply = ''] = await smtp.send('', ['return@bounces.test'], text);
  return {
    reply: reply.replace(/ids=.*/, 'ids=…'),
    records: world.log.summary(),
    all: world.log.records,
    inserted: world.queue.inserted.length,
    states: world.store.transactions[0]?.messages.map(({ state }) => state),
  };
}

describe('a report', () => {
  test('of failed deliveries makes OOB records beside its Reception', async () => {
    const seen = await receive({ logOob: 'LogThenDrop' }, BOUNCE);
    expect(seen).toMatchObject({ reply: '250 OK ids=…', inserted: 0, states: ['null'] });
    expect(seen.records).toEqual([
      'Reception 250 | - |  -> return@bounces.test',
      'OOB 550 5.1.1 5.1.1 no such mailbox | - | return@bounces.test -> gone@far.test',
    ]);
    expect(seen.all[1]).toMatchObject({
      peerAddress: { name: 'remote.test', addr: '127.0.0.1' },
      override: { size: 0, numAttempts: 0, timestampMs: Date.UTC(2015, 0, 5, 10) },
    });
  });

  test('is passed on when the domain says so', async () => {
    const seen = await receive({ logOob: 'LogThenRelay' }, BOUNCE);
    expect(seen).toMatchObject({ reply: '250 OK ids=…', inserted: 1, states: ['queued'] });
  });

  test('of a complaint has a Feedback record in place of its Reception', async () => {
    const seen = await receive({ logArf: 'LogThenDrop' }, COMPLAINT);
    expect(seen).toMatchObject({ reply: '250 OK ids=…', inserted: 0 });
    expect(seen.records).toEqual(['Feedback 250 | - |  -> return@bounces.test']);
    expect(seen.all[0]?.feedbackReport).toMatchObject({ feedback_type: 'abuse', version: '1' });
  });

  test('of the other kind is no report to a domain that logs one kind only', async () => {
    const seen = await receive({ logOob: 'LogThenDrop' }, COMPLAINT);
    expect(seen.reply).toBe('550 5.7.1 relaying not permitted');
    expect(seen.records[0]).toBe('Reception 250 | - |  -> return@bounces.test');
  });
});
