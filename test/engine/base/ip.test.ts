import { expect, test } from 'vitest';
import { isOwnHost, parseListen } from '../../../engine/base/ip.ts';

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

test.each([
  ['127.0.0.1', true],
  ['127.8.0.1', true],
  ['[::1]', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['[::]', false],
  ['192.168.1.4', false],
  ['127.example.com', false],
])('%s is of this machine alone: %s', (host, isOwn) => {
  expect(isOwnHost(host)).toBe(isOwn);
});
