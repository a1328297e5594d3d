/**
 * Peers that answer anything at any stage, from a seed: every recipient gets exactly one outcome,
 * nothing counts as delivered that did not arrive, and nothing is left behind.
 */
import { afterEach, expect, test } from 'vitest';
import { SeededRandom } from '../../../engine/base/random.ts';
import { testMessage, testTimeouts } from '../../support/delivery.ts';
import type { SinkScript } from '../../support/smtp-sink.ts';
import { deliver, outcomes, TestSmtpClient } from '../../support/smtp-client.ts';

let client: TestSmtpClient;

afterEach(() => client.end());

const REPLIES = [
  '250 2.0.0 fine',
  '250-2.0.0 fine\n250 2.0.0 indeed',
  '251 elsewhere',
  '354 go on',
  '421 4.3.2 going down',
  '450 4.2.1 later',
  '452 too many',
  '452 4.5.3 too many',
  '503 5.5.1 no',
  '550 5.1.1 gone',
  '250',
  '!raw \\r\\n',
  '!raw 999 what\\r\\n250 more\\r\\n',
  '!drop',
  '!reset',
  '!then-drop 421 4.3.2 bye',
  '!then-drop 250 2.0.0 fine',
];

function randomScript(random: SeededRandom): SinkScript {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;
  const maybe = (usual: string): string[] =>
    Array.from({ length: 4 }, () => (random.next() < 0.6 ? usual : pick(REPLIES)));
  const ehlo = '250-sink\n250-8BITMIME';
  return {
    ehlo: random.next() < 0.5 ? `${ehlo}\n250 PIPELINING` : `${ehlo}\n250 SIZE`,
    mail: maybe('250 2.1.0 ok'),
    rcpt: maybe('250 2.1.5 ok'),
    data: maybe('354 go ahead'),
    dot: maybe('250 2.0.0 queued'),
    rset: maybe('250 2.0.0 reset'),
    dataWithoutRcpt: random.next() < 0.5,
  };
}

test.each(Array.from({ length: 60 }, (_, index) => index + 1))('seed %i', async (seed) => {
  const random = new SeededRandom(seed);
  client = new TestSmtpClient({ isStrict: false });
  const first = await client.sink(randomScript(random));
  const second = await client.sink(randomScript(random));
  const session = await client.planned([first.port, second.port], {
    maxRecipientsPerBatch: 2,
    tryNextHostOnTransportError: random.next() < 0.5,
    timeouts: testTimeouts({
      rsetMs: 200,
      mailFromMs: 200,
      rcptToMs: 200,
      dataMs: 200,
      dataDotMs: 200,
    }),
  });
  const message = testMessage({
    to: ['a@d.test', 'b@d.test', 'c@d.test'],
    body: `Seed: ${seed}\r\n`,
  });
  let accepted = 0;
  for (let round = 0; round < 6; round++) {
    const report = await deliver(session, message).catch((error: unknown) => {
      expect(error).toSatisfy(
        (e) => e instanceof Error && /^(ConnectFailure|ReturnMessage)$/.test(e.name),
      );
      return null;
    });
    if (!report) break;
    const indexes = report.outcomes.flatMap((one) => one.recipients as readonly number[]);
    expect(new Set(indexes).size, outcomes(report).join('\n')).toBe(indexes.length);
    expect(indexes.length).toBeGreaterThan(0);
    expect(indexes.length).toBeLessThanOrEqual(2);
    for (const { kind, reply } of report.outcomes) {
      if (kind !== 'delivered') continue;
      expect(reply.command).toBe('.\r\n');
      accepted++;
    }
    const done = new Set(
      report.outcomes
        .filter(({ kind }) => kind !== 'deferred')
        .flatMap((one) => one.recipients as readonly number[]),
    );
    message.recipients = message.recipients.filter((_, index) => !done.has(index));
    if (message.recipients.length === 0 || !report.unfinished) break;
  }
  const arrived = [first, second].flatMap((sink) =>
    sink.connections.flatMap(({ events }) =>
      events.filter((event) => 'data' in event && event.data === `Seed: ${seed}\r\n`),
    ),
  );
  expect(arrived.length).toBeGreaterThanOrEqual(accepted);
});
