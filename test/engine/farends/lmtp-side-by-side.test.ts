/**
 * LMTP to our own far end and to servers that others wrote, side by side: everything is delivered,
 * over one connection, and no message arrives twice.
 */
import { expect, test, vi } from 'vitest';
import { testMessage } from '../../support/delivery.ts';
import { TestFarEnd } from '../../support/far-end.ts';
import { LmtpPeer } from '../../support/lmtp-peers.ts';
import { TestSmtpClient, deliver } from '../../support/smtp-client.ts';
import { findTool } from '../../support/tools.ts';

interface Peer extends AsyncDisposable {
  readonly port: number;
  marks(): Map<string, number>;
}

interface Kind {
  readonly start: () => Promise<Peer>;
  /** Copies it keeps of a message to two recipients. */
  readonly copies: number;
  readonly program: string | null;
}

const MESSAGES = 5;

const KINDS: Readonly<Record<string, Kind>> = {
  'our far end': { start: farEnd, copies: 1, program: null },
  'smtp-sink -L': { start: () => LmtpPeer.smtpSink(), copies: 1, program: 'smtp-sink' },
  dovecot: { start: () => LmtpPeer.dovecot(), copies: 2, program: 'dovecot' },
};

for (const [name, kind] of Object.entries(KINDS)) {
  const isMissing = kind.program !== null && findTool(kind.program) === null;
  if (isMissing)
    process.stderr.write(`skipped: LMTP to ${name}, ${kind.program} is not installed\n`);
  test.skipIf(isMissing)(`LMTP to ${name}`, { timeout: 30_000 }, async () => {
    const client = new TestSmtpClient();
    const dials = vi.spyOn(client.guard, 'dial');
    {
      await using peer = await kind.start();
      const session = await client.planned([peer.port], { useLmtp: true });
      for (let index = 0; index < MESSAGES; index++) {
        const message = testMessage({
          to: ['a@dest.test', 'b@dest.test'],
          body: `Subject: ${index}\r\nX-Mark: m${index};\r\n\r\n.dot\r\nthe end\r\n`,
        });
        const { outcomes } = await deliver(session, message);
        const delivered = outcomes.filter((one) => one.kind === 'delivered');
        expect(delivered.map(({ recipients }) => String(recipients)).join()).toBe('0,1');
        expect(outcomes).toHaveLength(delivered.length);
      }
      await session.close();
      expect(dials, 'connections').toHaveBeenCalledTimes(1);
      const wanted = Array.from({ length: MESSAGES }, (_, index) => [`m${index}`, kind.copies]);
      await vi.waitFor(() => expect([...peer.marks()].sort()).toEqual(wanted), 5_000);
    }
    await client.end();
  });
}

test('LMTP answers each recipient by itself', async () => {
  const client = new TestSmtpClient();
  {
    await using far = await TestFarEnd.start({
      protocol: 'lmtp',
      rules: [{ do: 'reject', at: 'dot', to: 'full', code: 452, enhanced: '4.2.2', text: 'Full' }],
    });
    const session = await client.planned([far.port], { useLmtp: true });
    const message = testMessage({ to: ['a@dest.test', 'full@dest.test', 'c@dest.test'] });
    const { outcomes } = await deliver(session, message);
    expect(
      outcomes.map(({ kind, recipients, reply }) => `${kind} ${String(recipients)} ${reply.code}`),
    ).toEqual(['delivered 0,2 250', 'deferred 1 452']);
    expect(far.farEnd.captured.list(1, null).mails[0]?.recipients).toEqual([
      'a@dest.test',
      'c@dest.test',
    ]);
    await session.close();
  }
  await client.end();
});

async function farEnd(): Promise<Peer> {
  const far = await TestFarEnd.start({ protocol: 'lmtp' });
  return {
    port: far.port,
    marks: () => {
      const { mails } = far.farEnd.captured.list(100, null);
      return new Map(mails.map(({ subject }) => [`m${subject}`, mailsWith(mails, subject)]));
    },
    [Symbol.asyncDispose]: () => far[Symbol.asyncDispose](),
  };
}

function mailsWith(mails: readonly { readonly subject: string }[], subject: string): number {
  return mails.filter((mail) => mail.subject === subject).length;
}
