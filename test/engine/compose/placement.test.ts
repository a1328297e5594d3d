import { expect, test } from 'vitest';
import { isOwnHost } from '../../../engine/compose/placement.ts';

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
