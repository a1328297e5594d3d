/** What is taken out of texts, sources and values, and what stays. */
import { expect, test } from 'vitest';
import { maskSource, maskText } from '../../../engine/share/mask-text.ts';
import { Redactor } from '../../../engine/share/redactor.ts';
import { isSecretName } from '../../../engine/share/secret-name.ts';

test.each([
  ['Authorization: Bearer abc', 'Authorization: Bearer ••••'],
  ['{"authorization":"Basic dXNlcjpwdw=="}', '{"authorization":"Basic ••••"}'],
  ['AUTH PLAIN AGZvbwBiYXI=', 'AUTH PLAIN ••••'],
  ['> auth login dXNlcg==', '> auth login ••••'],
  ['http://u:pw@h/x?token=abc&a=b', 'http://u:••••@h/x?token=••••&a=b'],
  ['redis://:pw@h', 'redis://:••••@h'],
  ['https://key@sentry.example/1', 'https://••••@sentry.example/1'],
  ['password=hunter2, x', 'password=••••, x'],
  ['X-Api-Key: abc', 'X-Api-Key: ••••'],
  ['clientSecret => "a b"', 'clientSecret => "••••"'],
  ['Cookie: a=b; c=d', 'Cookie: ••••'],
  ['with SG.aaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbb.', 'with ••••.'],
  ['-----BEGIN PRIVATE KEY-----\nMIIE\nabc\n', '-----BEGIN PRIVATE KEY-----\n••••\n••••\n'],
])('masks %s', (text, masked) => {
  expect(maskText(text)).toBe(masked);
  expect(maskText(masked)).toBe(masked);
});

test.each([
  '250 2.0.0 OK ids=d7ef132b',
  'the token bucket is empty, 5 passes left',
  'passThrough: 5s, passwordEnv: SMTP_PASSWORD',
  'MAIL FROM:<a@x.test> SIZE=5',
  'https://example.com/a@b?page=2',
  'Message-ID: <abc@x.test>',
])('leaves %s', (text) => expect(maskText(text)).toBe(text));

test('in a policy only texts are values, and lines stay where they are', () => {
  const source = `local password = os.getenv("X")
smtp_auth_plain_password = { key_data = "hunter2" },
local users = { scott = 'tiger', ['ada'] = "lovelace" }
return authc == 'x' and password == "letmein" -- [[
client:header("X-Api-Key", 'abc') req:basic_auth('u', "pw")
local token = [[one
two]]
kumo.on('smtp_server_auth_plain', function(authz, authc, password) end)
`;
  const found: string[] = [];
  const masked = maskSource(source, (secret) => found.push(secret));
  expect(masked.split('\n')).toHaveLength(source.split('\n').length);
  for (const secret of ['hunter2', 'tiger', 'lovelace', 'letmein', 'abc', 'pw', 'one\ntwo'])
    expect(found).toContain(secret);
  expect(masked).toContain('os.getenv("X")');
  expect(masked).toContain('[\'ada\'] = "••••"');
  expect(masked).toContain('function(authz, authc, password) end');
  expect(masked).not.toMatch(/hunter2|tiger|lovelace|letmein|'abc'|"pw"|one/);
});

test('known secrets go wherever they turn up, also encoded', () => {
  const redactor = new Redactor(['s3cret/pass+word'], '/home/ada/yard');
  const plain = Buffer.from('\0ada\0s3cret/pass+word').toString('base64');
  expect(redactor.text(`x ${plain}`)).not.toContain(plain.slice(8, 24));
  expect(redactor.text(encodeURIComponent('s3cret/pass+word'))).toBe('••••');
  expect(redactor.text('at /home/ada/yard/policy/init.lua:3')).toBe('at policy/init.lua:3');
  expect(redactor.json({ note: ['a s3cret/pass+word b'], apiKey: { a: 'b' } })).toEqual({
    note: ['a •••• b'],
    apiKey: { a: '••••' },
  });
});

test('what holds the file together stays, whatever a password is', () => {
  const redactor = new Redactor(['delivered', 'policy', '12345', 'messages', 'client']);
  const value = {
    row: { state: 'delivered', messageId: '12345'.padEnd(32, '0'), subject: 'delivered' },
    message: 'messages/12345.eml',
    kind: 'policy',
  };
  expect(redactor.json(value)).toEqual({
    ...value,
    row: { ...value.row, subject: '••••' },
  });
});

test('steps of a journey and lines after a challenge', () => {
  const redactor = new Redactor([]);
  const step = { kind: 'meta', what: 'api_token', text: 'unset', result: '"abc"' };
  expect(redactor.json(step)).toEqual({ ...step, result: '••••' });
  const auth = { kind: 'line', what: 'AUTH', text: 'PLAIN AGZvbwBiYXI=', result: '235' };
  expect(redactor.json(auth)).toEqual({ ...auth, text: 'PLAIN ••••' });
  const lines = [
    { atMs: 0, who: 'server', text: '334 ' },
    { atMs: 1, who: 'client', text: 'AGZvbwBiYXI=' },
    { atMs: 2, who: 'server', text: '235 OK' },
    { atMs: 3, who: 'client', text: 'MAIL FROM:<>' },
  ];
  expect(redactor.json(lines)).toEqual(
    lines.map((line, index) => (index === 1 ? { ...line, text: '••••' } : line)),
  );
});

test('a record without secrets is exactly as it was written', () => {
  const redactor = new Redactor([]);
  const json = '{"type":"Delivery","weight":1.0,"meta":{"b":1,"10":2}}';
  expect(redactor.recordJson(json)).toBe(json);
  expect(redactor.recordJson('{"meta":{"password":"x"}}')).toBe('{"meta":{"password":"••••"}}');
});

test('names of secrets', () => {
  for (const name of ['smtp_auth_plain_password', 'apiKey', 'X-Auth-Token', 'DB_PASS', 'cookie'])
    expect(isSecretName(name), name).toBe(true);
  for (const name of ['passThrough', 'passwordEnv', 'token_count', 'compass', 'state', 'key'])
    expect(isSecretName(name), name).toBe(false);
});

test('hostile texts take no time', () => {
  const began = performance.now();
  for (const piece of ['a-', 'x=', 'a={', '"', '://', 'authorization ', 'tokens = {', 'key="'])
    for (const mask of [maskText, maskSource]) mask(piece.repeat(50_000 / piece.length));
  maskText('-----BEGIN PRIVATE KEY-----'.repeat(1_000));
  expect(performance.now() - began).toBeLessThan(4_000);
});
