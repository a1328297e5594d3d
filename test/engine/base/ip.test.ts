import { expect, test } from 'vitest';
import { parseListen } from '../../../engine/base/ip.ts';

test.each([
  ['127.0.0.1:25', { host: '127.0.0.1', port: 25 }],
  ['[::1]:0', { host: '::1', port: 0 }],
  ['0:25', { host: '0.0.0.0', port: 25 }],
  ['localhost:8000', { host: '127.0.0.1', port: 8000 }],
  ['127.0.0.1', undefined],
  ['0:70000', undefined],
  ['mail.example.com:25', undefined],
  ['', undefined],
])('parseListen() of %j', (text, address) => {
  expect(parseListen(text)).toEqual(address);
});
