/** What a policy may already do inside `init`: inject, save and administer, before what waited is back. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEADLINE_MS } from '../support/journey.ts';
import { eventually } from '../support/serve-process.ts';
import { StrictRun } from '../support/strict-run.ts';

test('messages and rules made inside init take effect once', async () => {
  await using run = await StrictRun.start(
    `kumo.on('get_queue_config', function(domain)
      return kumo.make_queue_config { protocol = { custom_lua = { constructor = 'make.sink' } } }
    end)
    kumo.on('make.sink', function()
      return { send = function() io.open('taken', 'w'):close() return 'taken' end }
    end)`,
    `kumo.api.admin.bounce.bounce { domain = 'gone.test', reason = 'at init', duration = '1h' }
    assert(#kumo.api.admin.bounce.list() == 1)
    for _, recipient in ipairs { 'a@gone.test', 'a@kept.test' } do
      local message = kumo.make_message('s@here.test', recipient, 'Subject: early\\r\\n\\r\\nhello\\r\\n')
      message:save()
      kumo.inject_message(message)
    end`,
  );
  await eventually(
    'the message is delivered',
    () => existsSync(join(run.folder, 'taken')) || null,
    DEADLINE_MS,
  );
  const records = (await run.records()).map(
    (line) => JSON.parse(line) as { type: string; recipient: string },
  );
  expect(records.map(({ type, recipient }) => `${type} ${recipient}`).sort()).toEqual([
    'AdminBounce a@gone.test',
    'Delivery a@kept.test',
  ]);
});
