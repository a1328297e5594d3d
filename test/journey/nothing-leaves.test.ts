/**
 * The proof that nothing leaves: an engine in a network of its own, a policy that tries every way
 * out, and a count of the packets that went. The guard alone is tested in `test/engine/guard`.
 */
import { expect, test } from 'vitest';
import { sealed, whyNotSealed } from '../support/sealed-network.ts';
import { OUTSIDE } from '../support/sealed-network.ts';
import type { SealedReport } from './nothing-leaves.inside.ts';

const whyNot = whyNotSealed();

test.skipIf(whyNot !== null)(
  `no packet leaves, whatever the policy tries${whyNot === null ? '' : ` (skipped: ${whyNot})`}`,
  { timeout: 180_000 },
  async () => {
    const report = await sealed<SealedReport>('journey/nothing-leaves.inside.ts');
    expect(report.packets.engine).toBe(0);
    expect(report.packets.canary).toBeGreaterThan(0);

    const closed = (host: string): unknown => expect.stringContaining(`guard: ${host} is not open`);
    expect(report.ways).toMatchObject({
      http_address: closed(`${OUTSIDE}.80`),
      http_name: closed('outside.example'),
      https: closed(`${OUTSIDE}.43`),
      websocket: closed(`${OUTSIDE}.80`),
      mx: closed('outside.example'),
      addr: closed('outside.example'),
      redis: closed(`${OUTSIDE}.79`),
      amqp: 'recorded',
      kafka: 'recorded',
      nats: 'recorded',
      // A name that nobody may be asked for does not exist.
      txt: expect.stringMatching(/^table/) as string,
      rbl: 'nil',
      spf: expect.stringContaining('"result":"none"') as string,
      program: expect.stringContaining('a policy may not run programs') as string,
      pipe: expect.stringContaining('a policy may not run programs') as string,
    });
    for (const [domain, host] of [
      ['literal.test', `${OUTSIDE}.25`],
      ['named.test', 'mx.outside.example'],
      ['socks.test', `${OUTSIDE}.26`],
      ['proxy.test', `${OUTSIDE}.27`],
      ['asked.test', 'asked.test'],
    ] as const) {
      expect(report.deliveries[domain]).toBe(`451 guard: ${host} is not open`);
    }
    expect(report.captured).toBe('delivered: captured');
    for (const row of [
      `smtp ${OUTSIDE}.25:25`,
      `http ${OUTSIDE}.80:80`,
      `websocket ${OUTSIDE}.80:80`,
      `redis ${OUTSIDE}.79:6379`,
      'dns outside.example',
      'dns elsewhere.example',
      'dns key._domainkey.signed.example',
      'dns asked.test',
    ])
      expect(report.ledger, row).toContain(`${row} not opened`);
  },
);
