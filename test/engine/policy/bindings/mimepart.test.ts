import { expect, it } from 'vitest';
import { mimepartBindings } from '../../../../engine/policy/bindings/mimepart.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

const run = (code: string): Promise<string[]> => traceLua([mimepartBindings(fakeDeps())], code);

const MESSAGE = `local part = kumo.mimepart.parse(table.concat({
  'From: Shop <news@shop.test>, "Other, One" <o@shop.test>',
  'To: friends: a@x.test, b@x.test;',
  'Subject: =?utf-8?q?caf=C3=A9?=',
  'Message-ID: <one@shop.test>',
  'Mime-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="fixedb"',
  '',
  '--fixedb',
  'Content-Type: text/plain; charset=us-ascii',
  '',
  'plain part',
  '--fixedb',
  'Content-Type: application/octet-stream; name="x.bin"',
  'Content-Disposition: attachment; filename="x.bin"',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--fixedb--',
  '',
}, '\\r\\n'))
`;

it('takes a message apart', async () => {
  expect(
    await run(`${MESSAGE}
      local s = part:get_simple_structure()
      trace(s.text_part.body, s.html_part, #s.attachments, s.attachments[1].file_name, s.attachments[1].content_type, #s.attachments[1].part.body)
      local h = part.headers
      trace(h:subject(), h:message_id(), h:content_type().value, h:content_type().parameters, h:references())
      trace(h:from()[2].name, h:from()[2].address, h:to()[1].Group.name, #h:to()[1].Group.entries)
      local f = h:get_first_named 'subject'
      trace(f.name, f.value, f.raw_value, h:get_first_named 'nope')
      local names = {}
      for each in h:iter() do names[#names + 1] = each.name end
      trace(names)
      try(function() return f.colour end)
    `),
  ).toEqual([
    'plain part\\r\\n nil 1 x.bin application/octet-stream 3',
    'café one@shop.test multipart/mixed {boundary=fixedb} nil',
    'Other, One {domain=shop.test,local_part=o} friends 2',
    'Subject café =?utf-8?q?caf=C3=A9?= nil',
    '{1=From,2=To,3=Subject,4=Message-ID,5=Mime-Version,6=Content-Type}',
    "error attempt to get an unknown field 'colour'",
  ]);
});

it('changes the parts of the message it belongs to', async () => {
  expect(
    await run(`${MESSAGE}
      local s = part:get_simple_structure()
      s.text_part.body = 'changed'
      part.headers:set_subject 'new'
      part.headers:set_from 'x@y.test'
      part.headers:remove_all_named 'To'
      part:append_part(kumo.mimepart.new_html '<p>more</p>')
      local again = kumo.mimepart.parse(tostring(part))
      local t = again:get_simple_structure()
      trace(t.text_part.body, t.html_part.body, again.headers:subject(), again.headers:from()[1].address.domain, again.headers:to())
      try(function() part.colour = 'red' end)
    `),
  ).toEqual([
    'changed\\r\\n <p>more</p>\\r\\n new y.test nil',
    "error attempt to set an unknown field 'colour'",
  ]);
});

it('builds messages', async () => {
  expect(
    await run(`
      local b = kumo.mimepart.builder()
      b:text_plain 'hi'
      b:text_html '<b>hi</b>'
      b:attach('text/csv', 'a,b', { file_name = 'data.csv' })
      b:set_stable_content(true)
      local message = kumo.mimepart.parse(tostring(b:build()))
      local s = message:get_simple_structure()
      trace(s.text_part.body, s.html_part.body, s.attachments[1].file_name, message.headers:content_type().value)
      trace(tostring(kumo.mimepart.new_text('text/x-note', 'é')):match 'charset="([^"]*)"')
      local m = kumo.mimepart.new_multipart('multipart/digest', { kumo.mimepart.new_text_plain 'one' }, 'edge')
      trace(m.headers:content_type().parameters)
      try(kumo.mimepart.new_multipart, 'x', { 'not a part' })
    `),
  ).toEqual([
    'hi\\r\\n <b>hi</b>\\r\\n data.csv multipart/mixed',
    'utf-8',
    '{boundary=edge}',
    'error bad argument #2: error converting Lua value to MimePart',
  ]);
});
