import { expect, test } from 'vitest';
import { policyHint } from '../../../engine/api/policy-hints.ts';

test.each([
  [
    `runtime error: [string "init.lua"]:2: attempt to call a nil value (method 'set_mata')`,
    /set_meta/,
  ],
  [`runtime error: [string "init.lua"]:2: attempt to call a nil value (field 'rejct')`, /reject/],
  [`attempt to get an unknown field 'domian'`, /domain/],
  ['error converting Lua table to QueueConfig', /kumo\.make_queue_config/],
  [
    'resolving egress pool: Event get_egress_pool has not been registered',
    /kumo\.on\('get_egress_pool'/,
  ],
  [
    'deserialize error: data did not match any variant of untagged enum DeliveryProto',
    /maildir_path/,
  ],
])('%s', (raised, wanted) => {
  expect(policyHint(raised)).toMatch(wanted);
});

test('a text that says enough gets none', () => {
  expect(policyHint("attempt to index a nil value (field 'nosuch')")).toBeNull();
  expect(policyHint("attempt to call a nil value (method 'entirely_of_my_own')")).toBeNull();
});
