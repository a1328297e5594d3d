import { describe, expect, test } from 'vitest';
import {
  addressHeader,
  addressListJson,
  flattenAddresses,
  formatMailbox,
  parseAddressList,
  parseAddrSpec,
  singleMailbox,
} from '../../../engine/mail/address-list.ts';

const one = (text: string): object => singleMailbox(parseAddressList(text));

describe('parseAddressList()', () => {
  test.each([
    ['"Ann Lee" <ann@Shop.test>', 'Ann Lee', 'ann', 'Shop.test', 'ann@Shop.test'],
    ['ann@shop.test', null, 'ann', 'shop.test', 'ann@shop.test'],
    ['John Q. Public <j.q@x.test>', 'John Q. Public', 'j.q', 'x.test', 'j.q@x.test'],
    ['=?utf-8?q?J=C3=BCrgen?= Meier <j@x.test>', 'Jürgen Meier', 'j', 'x.test', 'j@x.test'],
    ['"a \\"b\\" c" <q@x.test>', 'a "b" c', 'q', 'x.test', 'q@x.test'],
    ['"spa ce"@x.test', null, 'spa ce', 'x.test', '"spa ce"@x.test'],
    ['(hi) u (there) @ [10.0.0.1] (end)', null, 'u', '[10.0.0.1]', 'u@[10.0.0.1]'],
    ['<@a.test,@b.test:u@x.test>', null, 'u', 'x.test', 'u@x.test'],
    ['Bär <ü@bücher.test>', 'Bär', 'ü', 'bücher.test', 'ü@bücher.test'],
  ])('reads %s', (text, name, user, domain, address) => {
    expect(one(text)).toEqual({ name, user, domain, address });
  });

  test('reads lists and groups', () => {
    const list = parseAddressList('A <a@x>, team: b@x, "C" <c@x>;, , d@x');
    expect(flattenAddresses(list).map((m) => m.address)).toEqual(['a@x', 'b@x', 'c@x', 'd@x']);
    expect(addressListJson(list)).toBe(
      '[{"Address":{"name":"A","address":"a@x"}},' +
        '{"Group":{"name":"team","entries":[{"name":null,"address":"b@x"},{"name":"C","address":"c@x"}]}},' +
        '{"Address":{"name":null,"address":"d@x"}}]',
    );
    expect(parseAddressList('undisclosed recipients:;')).toEqual([
      { group: 'undisclosed recipients', members: [] },
    ]);
  });

  test('says what is wrong and where', () => {
    expect(() => parseAddrSpec('bork bork')).toThrow(
      'invalid header: Error at line 1, expected "@" but found "b":\n' +
        'bork bork\n     ^___\n\nwhile parsing addr_spec\n',
    );
    for (const bad of ['a@', 'a <b@c', '<>', 'g: a@x', '(open a@x']) {
      expect(() => parseAddressList(bad), bad).toThrow('invalid header: Error at line 1');
    }
  });
});

describe('singleMailbox()', () => {
  test.each([
    ['', 'no addresses'],
    ['g: a@x;', 'is not a simple address'],
    ['a@x, b@x', 'is not a simple single address'],
  ])('refuses %j', (text, message) => {
    expect(() => one(text)).toThrow(message);
  });
});

test('addressHeader() reads a folded field', () => {
  const data = Buffer.from('From: "Ann"\r\n <ann@x.test>\r\n\r\n');
  expect(addressHeader(data, 'from')?.map((a) => ('name' in a ? a.name : ''))).toEqual(['Ann']);
  expect(addressHeader(data, 'To')).toBeUndefined();
});

test('formatMailbox() quotes only what needs it', () => {
  expect(formatMailbox('Ann', 'a@x')).toBe('Ann <a@x>');
  expect(formatMailbox('Ann Doe', 'a@x')).toBe('"Ann Doe" <a@x>');
  expect(formatMailbox('Cy "Q" O\'Neil', 'a@x')).toBe('"Cy \\"Q\\" O\'Neil" <a@x>');
  expect(formatMailbox('Jürgen', 'a@x')).toBe('=?UTF-8?q?J=C3=BCrgen?= <a@x>');
  expect(formatMailbox(null, 'a@x')).toBe('<a@x>');
});
