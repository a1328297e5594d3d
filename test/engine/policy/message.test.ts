import { describe, expect, it } from 'vitest';
import type { Message } from '../../../engine/mail/message.ts';
import { SimClock } from '../../support/sim-clock.ts';
import { connectionMeta, KeptTrace, TestPolicy } from '../../support/policy.ts';

const DATA =
  'From: "Ann Lee" <ann@Shop.test>\r\nTo: Team: b@x.test, c@x.test;\r\nX-Multi: 1\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n' +
  'X-Multi: 2\r\nX-Tenant-Name: acme\r\n\r\nbody\r\n';

/** Runs `body` with `msg` and `conn_meta`, and gives what it returned. */
async function run(
  body: string,
  options: { message?: (policy: TestPolicy) => Message; mailClock?: SimClock } = {},
): Promise<{ values: readonly unknown[]; message: Message }> {
  await using policy = await TestPolicy.load(
    `
    local function why(fn, ...)
      local ok, err = pcall(fn, ...)
      return ok and 'no error' or (tostring(err):match '^[^\\n]*')
    end
    kumo.on('smtp_server_message_received', function(msg, conn_meta) result = table.pack((function() ${body} end)()) end)
    kumo.on('result', function() return table.unpack(result, 1, result.n) end)
  `,
    options.mailClock ? { mailClock: options.mailClock } : {},
  );
  const message = options.message?.(policy) ?? policy.message({ data: DATA });
  const meta = connectionMeta({ reception_protocol: 'ESMTP' });
  meta.authInfo.identities.push({ identity: 'me', context: 'SmtpAuthPlainAuthentication' });
  await policy.host.events.smtpServerMessageReceived(message, meta, null);
  return { values: await policy.host.callEvent('result', []), message };
}

describe('Message as a Lua value', () => {
  it('gives no value where it has none to give, and prints its type', async () => {
    const { values } = await run(`
      local function count(...) return select('#', ...) end
      return count(msg:set_meta('a', 1)), count(msg:get_meta 'none'), count(msg:prepend_header('A', 'b')),
        count(kumo.log_debug 'x'), count(kumo.sleep(0)), (tostring(msg):gsub('0x%x+', 'PTR'))`);
    expect(values).toEqual([0, 1, 0, 0, 0, 'Message: PTR']);
  });
});

describe('Message envelope', () => {
  it('gives addresses, one or a list', async () => {
    const { values } = await run(
      `local r = msg:recipient()
       return msg:id(), msg:sender().email, r.user, r.domain, tostring(r), #msg:recipient_list(), msg:queue_name()`,
    );
    expect(values.slice(1)).toEqual([
      'sender@shop.test',
      'rcpt',
      'dest.test',
      'rcpt@dest.test',
      1,
      'dest.test',
    ]);
    expect(values[0]).toMatch(/^[0-9a-f]{32}$/);
    const several = await run('local r = msg:recipient() return type(r), #r, r[2].email', {
      message: (policy) => policy.message({ to: ['a@x.test', 'b@y.test'] }),
    });
    expect(several.values).toEqual(['table', 2, 'b@y.test']);
    expect(
      (await run('return msg:sender().nothing == nil').catch((e: Error) => e.message)) as string,
    ).toMatch("attempt to get an unknown field 'nothing'");
  });

  it('takes texts for addresses, and nothing else', async () => {
    const { values, message } = await run(`
      local sender = msg:sender()
      msg:set_sender ''
      msg:set_recipient { 'a@b.test', '"q q"@b.test' }
      return why(msg.set_recipient, msg, sender), why(msg.set_recipient, msg, { sender }), why(msg.set_sender, msg, 'no address') ~= 'no error'
    `);
    expect(values).toEqual([
      'deserialize error: unsupported value type `userdata`',
      'deserialize error: invalid type: sequence, expected a string',
      true,
    ]);
    expect(message.sender.email).toBe('');
    expect(message.recipients.map((r) => r.user)).toEqual(['a', 'q q']);
    expect(message.isDirty).toBe(true);
  });
});

describe('Message metadata', () => {
  it('holds JSON, with integers and floats apart', async () => {
    const { values, message } = await run(`
      msg:set_meta('float', 1.0) msg:set_meta('int', 1) msg:set_meta('none', nil)
      msg:set_meta('map', { a = { b = 'c' }, list = { 'p', 'q' } })
      msg:set_meta('empty', {})
      msg:set_meta('keys', { [true] = 1, [1.5] = 2 }) msg:set_meta('bytes', 'a\\xff')
      local copy = msg:get_meta 'map'
      copy.a.b = 'changed'
      return math.type(msg:get_meta 'float'), math.type(msg:get_meta 'int'), msg:get_meta 'none', msg:get_meta('map').a.b,
        why(msg.set_meta, msg, 'f', print), why(msg.set_meta, msg, 'a', msg:sender()), why(msg.set_meta, msg),
        getmetatable(msg:get_meta('map').list), msg:get_meta('keys')['true'], msg:get_meta('keys')['1.5'],
        table.concat(msg:get_meta 'bytes', ' ')
    `);
    expect(values).toEqual([
      'float',
      'integer',
      undefined,
      'c',
      'cannot serialize <function>',
      'cannot serialize <userdata>',
      'bad argument #2 to `Message.set_meta`: error converting Lua nil to String (expected string or number)',
      false,
      1,
      2,
      '97 255',
    ]);
    delete message.meta['keys'];
    delete message.meta['bytes'];
    expect(JSON.stringify(message.meta)).toBe(
      '{"float":1.0,"int":1,"none":null,"map":{"a":{"b":"c"},"list":["p","q"]},"empty":{}}'.replace(
        /"map":\{.*\}\}/,
        JSON.stringify({ map: message.meta['map'], empty: {} }).slice(1),
      ),
    );
    expect(message.meta['map']).toEqual({ a: { b: 'c' }, list: ['p', 'q'] });
    expect(structuredClone(message.meta)['float']).toEqual(Object(1));
  });

  it('has nothing at names that every object of JavaScript has', async () => {
    const { values } = await run(`
      return msg:get_meta 'constructor', conn_meta:get_meta 'toString', msg:get_meta '__proto__'
    `);
    expect(values).toEqual([undefined, undefined, undefined]);
  });

  it('holds every integer of 64 bits, and turns larger ones into floats', async () => {
    const { values, message } = await run(`
      msg:set_meta('ids', { 9007199254740993, math.maxinteger, math.mininteger })
      msg:set_meta('huge', 2^64)
      local ids = msg:get_meta 'ids'
      return ids[1] == 9007199254740993, ids[2] == math.maxinteger, ids[3] == math.mininteger,
        math.type(msg:get_meta 'huge')
    `);
    expect(values).toEqual([true, true, true, 'float']);
    expect(JSON.stringify(message.meta)).toBe(
      '{"ids":[9007199254740993,9223372036854775807,-9223372036854775808],"huge":1.8446744073709552e19}',
    );
  });

  it('names the queue', async () => {
    const { values } = await run(`
      msg:set_meta('tenant', 't') msg:set_meta('campaign', 'c') msg:set_meta('routing_domain', 'r')
      local name = msg:queue_name()
      msg:set_meta('tenant', 5)
      local five = why(msg.queue_name, msg)
      msg:set_meta('tenant', { z = { 5.0 }, a = 1 })
      return name, five, why(msg.queue_name, msg)
    `);
    expect(values).toEqual([
      'c:t@dest.test!r',
      "expected 'tenant' to be a string value, got Ok(Number(5))",
      'expected \'tenant\' to be a string value, got Ok(Object {"a": Number(1), "z": Array [Number(5.0)]})',
    ]);
  });

  it('of the connection is shared and knows who the client is', async () => {
    const { values } = await run(`
      conn_meta:set_meta('x', { 1, 2 })
      local auth = conn_meta:auth_info()
      return #conn_meta:get_meta 'x', conn_meta:get_meta 'reception_protocol', conn_meta:get_meta 'no',
        auth.peer_address, auth.identities[1].identity, #auth.groups, conn_meta.nothing
    `);
    expect(values).toEqual([2, 'ESMTP', undefined, undefined, 'me', 0, undefined]);
  });
});

describe('Message headers', () => {
  it('are read decoded', async () => {
    const { values } = await run(`
      local from, to = msg:from_header(), msg:to_header()
      return msg:get_first_named_header_value 'SUBJECT', table.concat(msg:get_all_named_header_values 'x-multi', '|'),
        msg:get_first_named_header_value 'X-None', #msg:get_all_headers(), msg:get_all_headers()[1][1],
        from.name, from.user, from.domain, tostring(from), #to.list, to.list[2].email, why(function() return to.email end),
        msg:get_address_header 'Cc'
    `);
    expect(values).toEqual([
      'café',
      '1|2',
      undefined,
      6,
      'From',
      'Ann Lee',
      'ann',
      'Shop.test',
      '[{"Address":{"name":"Ann Lee","address":"ann@Shop.test"}}]',
      2,
      'c@x.test',
      'is not a simple address',
      undefined,
    ]);
  });

  it('are added, removed and imported', async () => {
    const { message } = await run(`
      msg:prepend_header('X-First', 'on top')
      msg:append_header('X-Last', 'at the end')
      msg:append_header('X-Enc', 'grün', true)
      msg:remove_all_named_headers 'x-multi'
      msg:import_x_headers {}
      msg:remove_x_headers { 'x-tenant-name' }
      msg:import_headers { { name = 'Subject', target = 'about', remove = true }, { name = 'X-*', transform = 'camel_case' } }
    `);
    const text = Buffer.from(message.data).toString('utf8');
    expect(text).toMatch(/^X-First: on top\r\nFrom: /);
    expect(text).toMatch(
      /X-Last: at the end\r\nX-Enc: =\?utf-8\?q\?gr=C3=BCn\?=\r\n\r\nbody\r\n$/i,
    );
    expect(text).not.toMatch(/X-Multi|X-Tenant-Name|Subject/);
    expect(message.meta).toMatchObject({
      x_tenant_name: 'acme',
      x_last: 'at the end',
      x_enc: 'grün',
      about: 'café',
    });
  });

  it('keep a message clean when nothing changes', async () => {
    const { message } = await run(
      "msg:remove_all_named_headers 'X-None' msg:remove_x_headers { 'X-None' }",
    );
    expect(message.isDirty).toBe(false);
  });

  it('say when there is no header block', async () => {
    const { values } = await run("return why(msg.append_header, msg, 'a', 'b')", {
      message: (policy) => policy.message({ data: 'no header' }),
    });
    expect(values).toEqual(['append_header could not find the end of the header block']);
  });
});

describe('Message data', () => {
  it('is bytes', async () => {
    const { values, message } = await run(`
      msg:set_data('Subject: \\xff\\r\\n\\r\\n\\0\\xfe')
      return #msg:get_data(), msg:get_data():byte(-1)
    `);
    expect(values).toEqual([16, 254]);
    expect(message.data.at(-1)).toBe(254);
  });

  it('can be taken apart, checked and extended', async () => {
    const { values, message } = await run(`
      local part = msg:parse_mime()
      return part.headers:subject(), msg:check_fix_conformance('MISSING_DATE_HEADER|LINE_TOO_LONG', ''),
        msg:check_fix_conformance('MISSING_DATE_HEADER', 'MISSING_DATE_HEADER'), msg:append_text_plain 'footer',
        msg:append_text_html 'x', msg:parse_rfc3464(), msg:shrink(), why(msg.check_fix_conformance, msg, 'NOPE', '')
    `);
    expect(values.slice(0, 7)).toEqual([
      'café',
      'Message has conformance issues: MISSING_DATE_HEADER',
      undefined,
      true,
      false,
      undefined,
      false,
    ]);
    expect(values[7]).toMatch('NOPE');
    expect(Buffer.from(message.data).toString()).toMatch(/Date: [\s\S]*body\r\n\r\nfooter/);
  });
});

describe('Message due time', () => {
  it('is set, and moved to what the scheduling permits', async () => {
    const mailClock = new SimClock(Date.UTC(2026, 0, 5, 9, 0, 0));
    const { values, message } = await run(
      `
      local plain = msg:set_due '2026-01-05T12:00:00+02:00'
      local table = msg:set_scheduling { dow = 'Tue', tz = 'UTC', start = '08:00:00', ['end'] = '10:00:00' }
      return plain, table.dow, msg:set_due(nil), why(msg.set_due, msg, 'tomorrow'), why(msg.set_scheduling, msg, 5),
        msg:num_attempts(), msg:increment_num_attempts(), msg:num_attempts()
    `,
      { mailClock },
    );
    expect(values).toEqual([
      '2026-01-05T10:00:00Z',
      'Tue',
      '2026-01-06T08:00:00Z',
      'deserialize error: premature end of input',
      'deserialize error: invalid type: integer, expected table, while processing 5',
      0,
      undefined,
      1,
    ]);
    expect(message.due).toBe(Date.UTC(2026, 0, 6, 8, 0, 0));
  });

  it('is cleared with NULL as the answer', async () => {
    const { values, message } = await run(
      'return tostring(msg:set_due(nil)), tostring(msg:set_scheduling(nil))',
    );
    expect(values).toEqual(['userdata: (nil)', 'userdata: (nil)']);
    expect([message.due, message.scheduling]).toEqual([null, null]);
  });
});

describe('messages made by a script', () => {
  it('are injected through the services', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('ask', function()
        local m = kumo.make_message('a@x.test', 'b@y.test', 'Subject: x\\r\\n\\r\\nhi\\r\\n')
        m:set_meta('k', 'v')
        kumo.apply_supplemental_trace_header(m, { include_meta_names = { 'k' } })
        kumo.inject_message(m)
        m:save()
        local r = kumo.api.inject.inject_v1 { envelope_sender = 'a@x.test', recipients = { { email = 'b@y.test' } } }
        kumo.api.admin.bounce.bounce { domain = 'x.test' }
        return r.success_count, #r.errors, #kumo.api.admin.suspend.list()
      end)
    `);
    expect(await policy.host.callEvent('ask', [])).toEqual([1, 0, 0]);
    const names = policy.asked.map(([name]) => name);
    expect(names).toEqual(['injectMessage', 'saveMessage', 'injectV1', 'admin', 'admin']);
    const [message] = policy.asked[0]?.[1] as [Message];
    expect(Buffer.from(message.data).toString()).toMatch(
      /^X-KumoRef: [\w+/=\r\n\t]+\r\nSubject: x/,
    );
    expect(message.meta).toEqual({ k: 'v' });
    expect(policy.asked[2]?.[1]).toMatchObject([
      { recipients: [{ email: 'b@y.test' }] },
      { identities: [{ identity: 'kumomta.internal', context: 'LocalSystem' }] },
    ]);
    expect(policy.asked[3]?.[1]).toEqual(['bounce', 'bounce', { domain: 'x.test' }]);
  });
});

describe('a trace', () => {
  it('records arguments, prints, changed metadata and what came back', async () => {
    await using policy = await TestPolicy.load(
      `
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  print('one', 1.5)
  kumo.log_info 'two'
  msg:set_meta('tenant', 'a')
  msg:set_meta('tenant', 'b')
  conn_meta:set_meta('x', 1)
end)
kumo.on('get_queue_config', function(domain) return kumo.make_queue_config { egress_pool = 'p' } end)
kumo.on('smtp_server_auth_plain', function() return true end)
kumo.on('smtp_server_rcpt_to', function() kumo.reject(550, '5.7.1 no') end)
kumo.on('smtp_server_data', function()
  error 'broken'
end)
`,
    );
    const { host } = policy;
    const trace = new KeptTrace();
    const meta = connectionMeta();
    const message = policy.message();
    await host.events.smtpServerMessageReceived(message, meta, trace);
    await host.events.getQueueConfig('d.test', null, null, 'r', trace);
    await host.events.smtpServerAuthPlain('z', 'c', 'secret', meta, trace);
    await host.events.smtpServerRcptTo(message.sender, meta, trace).catch(() => undefined);
    await host.events.smtpServerData(message, meta, trace).catch(() => undefined);
    await host.events.smtpServerConnectionAccepted(meta, trace);
    const [received, config, auth, rcpt, data, ...more] = trace.calls;
    expect(more).toEqual([]);
    expect(received).toMatchObject({
      event: 'smtp_server_message_received',
      args: [`message ${message.id}`, 'conn_meta'],
      returned: [],
      prints: [
        { text: 'one\t1.5', line: 3 },
        { text: 'info: two', line: 4 },
      ],
      metaChanges: [
        { key: 'tenant', from: undefined, to: 'a', line: 5 },
        { key: 'tenant', from: 'a', to: 'b', line: 6 },
        { key: 'conn_meta.x', from: undefined, to: 1, line: 7 },
      ],
      handler: { file: policy.file, line: 2 },
    });
    expect(config).toMatchObject({
      args: ['"d.test"', 'nil', 'nil', '"r"'],
      returned: ['QueueConfig {"egress_pool":"p"}'],
    });
    expect(auth?.args).toEqual(['"z"', '"c"', '••••', 'conn_meta']);
    expect(rcpt?.raised).toMatchObject({
      code: 550,
      text: '5.7.1 no',
      file: policy.file,
      line: 11,
    });
    expect(data?.raised).toEqual({
      text: `runtime error: [string "${policy.file}"]:13: broken`,
      file: policy.file,
      line: 13,
    });
    expect(policy.stdout).toBe('one\t1.5\n');
    expect(policy.diagnostics).toEqual([`info ${policy.file}:4: two`]);
  });
});
