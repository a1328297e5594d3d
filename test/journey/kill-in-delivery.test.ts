/**
 * `kill -9` while deliveries stand still in each phase. Far ends of the test hang the first time;
 * after the restart every message is tried again and says that its attempt was interrupted. Only
 * one whose acknowledgement was on its way arrives twice.
 */
import { expect, test } from 'vitest';
import type { AttemptList } from '../../engine/api/protocol.ts';
import { DEADLINE_MS, rowTo, sendMail } from '../support/journey.ts';
import { TestFarEnd } from '../support/far-end.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const first = { times: 1 };

/** Name of the recipient domain, what its far end does the first time, copies there in the end. */
const PHASES: readonly (readonly [name: string, rule: object, copies: number])[] = [
  ['connect', { do: 'hang', at: 'connect', ...first }, 1],
  ['ehlo', { do: 'hang', at: 'ehlo', ...first }, 1],
  ['mail', { do: 'hang', at: 'mail', ...first }, 1],
  ['rcpt', { do: 'hang', at: 'rcpt', ...first }, 1],
  ['data', { do: 'hang', at: 'data', ...first }, 1],
  ['content', { do: 'hang', at: 'content', ...first }, 1],
  ['dot', { do: 'hang', at: 'dot', ...first }, 1],
  ['reply', { do: 'drip', at: 'dot', interval: '30s', ...first }, 2],
];

function policy(ports: Readonly<Record<string, number>>): string {
  const cases = Object.entries(ports).map(
    ([name, port]) => `['${name}.test'] = '[127.0.0.1]:${port}'`,
  );
  return `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
local hosts = { ${cases.join(', ')} }
kumo.on('get_queue_config', function(domain)
  return kumo.make_queue_config {
    retry_interval = '2 seconds',
    protocol = { smtp = { mx_list = { hosts[domain] } } },
  }
end)
kumo.on('get_egress_path_config', function()
  return kumo.make_egress_path { enable_tls = 'Disabled' }
end)
`;
}

test('kill -9 in each phase of a delivery', { timeout: 120_000 }, async () => {
  const farEnds = new Map<string, TestFarEnd>();
  try {
    for (const [name, rule] of PHASES)
      farEnds.set(name, await TestFarEnd.start({ name, rules: [rule] }));
    const ports = Object.fromEntries([...farEnds].map(([name, far]) => [name, far.port]));
    const doomed = await ServeProcess.start({ policy: policy(ports) });
    const { workspace } = doomed;
    for (const [name] of PHASES) {
      const reply = await sendMail(doomed, `to@${name}.test`);
      expect(reply, name).toMatch(/^250 /);
    }
    await eventually('every delivery stands still', () => areHanging(farEnds), DEADLINE_MS);
    await doomed.kill();
    await using engine = await ServeProcess.start({ workspace });
    for (const [name, , copies] of PHASES) {
      const row = await rowTo(engine, `to@${name}.test`, 'delivered');
      const { attempts } = await engine.api<AttemptList>(`/rows/${row.seq}/attempts`);
      expect(
        attempts.map(({ outcome }) => outcome),
        name,
      ).toEqual(['interrupted', 'delivered']);
      expect(farEnds.get(name)?.farEnd.status.received, `copies at ${name}`).toBe(copies);
    }
  } finally {
    for (const far of farEnds.values()) await far.farEnd.stop();
  }
});

/** The rule has struck everywhere; the far end that drips has the message already. */
function areHanging(farEnds: ReadonlyMap<string, TestFarEnd>): boolean {
  return [...farEnds].every(([name, { farEnd }]) => {
    const { connections, remembered, received } = farEnd.status;
    return connections === 1 && remembered === 1 && received === (name === 'reply' ? 1 : 0);
  });
}
