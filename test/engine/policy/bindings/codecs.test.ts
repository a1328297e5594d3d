import { expect, it } from 'vitest';
import { digestBindings } from '../../../../engine/policy/bindings/digest.ts';
import { encodeBindings } from '../../../../engine/policy/bindings/encode.ts';
import { uuidBindings } from '../../../../engine/policy/bindings/uuid.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

const deps = fakeDeps();
const run = (code: string): Promise<string[]> =>
  traceLua([encodeBindings(deps), digestBindings(deps), uuidBindings(deps)], code);

it('encodes and decodes, with and without padding', async () => {
  expect(
    await run(`
      local e = kumo.encode
      trace(e.base64_encode 'hello?>', e.base64url_encode 'hello?>', e.base64_nopad_encode 'a', e.base64_decode 'aGVsbG8/Pg==', e.base64_decode 'aGVsbG8/Pg')
      trace(e.hex_encode 'AZ', e.hex_decode '415A', e.base32_encode 'foo', e.base32hex_nopad_encode 'foo', e.base32_decode 'MZXW6')
      try(e.base64_decode, '!!!')
      try(e.hex_decode, 'zz')
      try(e.hex_decode, 'abc')
      try(e.base64_decode, 'aB')
      trace(e.hex_encode(e.charset_encode('iso-8859-1', 'é')), e.charset_decode('windows-1252', '\\x80'), e.charset_decode('iso-2022-jp', '\\x1b$B$3\\x1b(B'))
      try(e.charset_encode, 'us-ascii', 'é', false)
    `),
  ).toEqual([
    'aGVsbG8/Pg== aGVsbG8_Pg== YQ hello?> hello?>',
    '415a AZ MZXW6=== CPNMU foo',
    'error invalid symbol at 0',
    'error invalid symbol at 0',
    'error invalid length at 2',
    'error non-zero trailing bits at 1',
    'e9 € こ',
    'error Cannot encode text as us-ascii: it has characters that us-ascii lacks',
  ]);
});

it('digests strings, values and keyed messages', async () => {
  expect(
    await run(`
      local d = kumo.digest
      trace(tostring(d.sha1 'abc'), d.sha256('a', 'bc').hex, d.sha1('abc').base64)
      trace(tostring(d.crc32 'abc'), #d.sha512_256('').bytes, d.sha3_256('').base64url_nopad)
      trace(d.hmac_sha256({ key_data = 'key' }, 'message').hex)
      trace(d.sha1 { 1 }.hex == d.sha1 '[1]'.hex)
      try(d.hmac_sha1, '/nonexistent/key', 'm')
      try(function() return d.sha1('abc').octal end)
    `),
  ).toEqual([
    'a9993e364706816aba3e25717850c26c9cd0d89d ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad qZk+NkcGgWq6PiVxeFDCbJzQ2J0=',
    '352441c2 32 p__G-L8e12ZRwUdWoGHWYvWA_03kO0n6gtgKS4D4Q0o',
    '6e9ef29b75fffc5b7abae527d58fdadb2fe42e7219011976917343065f58ed4a',
    'true',
    'error reading file /nonexistent/key: No such file or directory (os error 2)',
    "error attempt to get an unknown field 'octal'",
  ]);
});

it('reads and makes UUIDs', async () => {
  expect(
    await run(`
      local u = kumo.uuid.parse '{01234567-89ab-cdef-0123-456789abcdef}'
      trace(u.simple, u.urn, u.braced, tostring(u), #u.bytes)
      for _, v in ipairs { 1, 4, 6, 7 } do
        trace(v, kumo.uuid['new_v' .. v]().hyphenated:match('^%x+%-%x+%-(%x)%x%x%x%-[89ab]') == tostring(v))
      end
      local a, b = kumo.uuid.new_v6().simple, kumo.uuid.new_v6().simple
      trace(a < b)
      try(kumo.uuid.parse, 'x')
    `),
  ).toEqual([
    '0123456789abcdef0123456789abcdef urn:uuid:01234567-89ab-cdef-0123-456789abcdef {01234567-89ab-cdef-0123-456789abcdef} 01234567-89ab-cdef-0123-456789abcdef 16',
    '1 true',
    '4 true',
    '6 true',
    '7 true',
    'true',
    'error failed to parse a UUID',
  ]);
});
