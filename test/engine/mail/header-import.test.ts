import { describe, expect, test } from 'vitest';
import { importHeaders, importXHeaders } from '../../../engine/mail/header-import.ts';
import type { HeaderImportSpec } from '../../../engine/mail/header-import.ts';

const MESSAGE = Buffer.from(
  'X-Tenant-Name: acme\r\nX-Twice: 1\r\nSubject: s\r\nX-Twice: =?utf-8?q?=C3=BC?=\r\n\r\nbody\r\n',
);
const spec = (name: string, more: Partial<HeaderImportSpec> = {}): HeaderImportSpec => ({
  name,
  match: 'last',
  transform: 'snake_case',
  target: null,
  remove: false,
  ...more,
});

describe('importXHeaders()', () => {
  test('takes all X- fields without names; the last of a name wins', () => {
    expect(importXHeaders(MESSAGE, [])).toEqual({ x_tenant_name: 'acme', x_twice: 'ü' });
  });

  test('takes named fields and prefixes, also those not starting with X-', () => {
    expect(importXHeaders(MESSAGE, ['subject', 'X-Ten*'])).toEqual({
      x_tenant_name: 'acme',
      subject: 's',
    });
  });
});

describe('importHeaders()', () => {
  test('matches first, last or all, under the wanted key', () => {
    expect(importHeaders(MESSAGE, [spec('X-Twice', { match: 'first' })]).meta).toEqual({
      x_twice: '1',
    });
    expect(
      importHeaders(MESSAGE, [spec('x-twice', { match: 'all', target: 'both' })]).meta,
    ).toEqual({ both: ['1', 'ü'] });
    expect(importHeaders(MESSAGE, [spec('X-T*', { transform: 'camel_case' })]).meta).toEqual({
      xTenantName: 'acme',
      xTwice: 'ü',
    });
    expect(
      importHeaders(MESSAGE, [spec('X-Tenant-Name', { transform: 'pascal_case' })]).meta,
    ).toEqual({ XTenantName: 'acme' });
  });

  test('removes what it was told to remove, and the first matching spec decides', () => {
    const { meta, data } = importHeaders(MESSAGE, [
      spec('X-Twice', { remove: true }),
      spec('X-*', { transform: 'kebab_case' }),
    ]);
    expect(meta).toEqual({ 'x-tenant-name': 'acme', x_twice: 'ü' });
    expect(Buffer.from(data).toString()).toBe('X-Tenant-Name: acme\r\nSubject: s\r\n\r\nbody\r\n');
  });

  test.each([
    ['X-*-Y', null, 'import_headers: only a single trailing `*` is supported in pattern "X-*-Y"'],
    ['X**', null, 'import_headers: only a single trailing `*` is supported in pattern "X**"'],
    ['*', null, 'a bare `*`'],
    ['', null, 'must not be empty'],
    ['X-*', 'key', '`target` cannot be used with wildcard'],
  ])('refuses %j', (name, target, message) => {
    expect(() => importHeaders(MESSAGE, [spec(name, { target })])).toThrow(message);
  });
});
