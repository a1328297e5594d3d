/**
 * `clock forward 7d`: how long a week of retries takes when every attempt fails, from the first
 * attempt to the last expiry, with everything stored and logged as usual.
 */
import type { ClockStatus, EngineStatus, RecordPage } from '../../engine/api/protocol.ts';
import { sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const MESSAGES = 1_000;
const AT_ONCE = 20;
const WEEK_MS = 7 * 86_400_000;
const WANTED_SECONDS = 30;
const POLICY = `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('get_queue_config', function(domain)
  return kumo.make_queue_config { protocol = { custom_lua = { constructor = 'make.busy' } } }
end)
kumo.on('make.busy', function(domain)
  local connection = {}
  function connection:send(msg)
    kumo.reject(451, 'busy for a week')
  end
  return connection
end)
`;

export async function benchClock(): Promise<void> {
  await using engine = await ServeProcess.start({ policy: POLICY });
  for (let sent = 0; sent < MESSAGES; sent += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, n) => sendMail(engine, `u${sent + n}@example.net`)),
    );
  }
  await eventually('every first attempt made', async () => {
    const { counts } = await engine.api<RecordPage>('/records?limit=1');
    return counts?.['TransientFailure'] === MESSAGES;
  });
  const began = performance.now();
  await engine.api<ClockStatus>('/clock', { forwardMs: WEEK_MS });
  const seconds = (performance.now() - began) / 1000;
  const { queued } = await engine.api<EngineStatus>('/status');
  const { counts = {} } = await engine.api<RecordPage>('/records?limit=1');
  console.log(
    `clock forward 7d, ${MESSAGES} messages: ${seconds.toFixed(1)} s, wanted ${WANTED_SECONDS}; ` +
      `${counts['TransientFailure']} failures, ${counts['Expiration']} expired, ${queued} left`,
  );
  if (seconds > WANTED_SECONDS || queued > 0) process.exitCode = 1;
}
