import { expect, test } from 'vitest';
import { formatEndpoint, wantedEndpoint } from '../../../engine/reception/endpoint.ts';

test.each([
  ['127.0.0.1:587', '127.0.0.1:587'],
  ['10.0.0.5:25', '10.0.0.5:25'],
  ['[2001:db8::1]:25', '[2001:db8::1]:25'],
  ['0.0.0.0:25', '127.0.0.1:25'],
  ['0:587', '127.0.0.1:587'],
  ['[::]:25', '127.0.0.1:25'],
  ['127.0.0.1:0', '127.0.0.1:3025'],
])('wantedEndpoint() of %s is %s', (listen, local) => {
  expect(formatEndpoint(wantedEndpoint(listen, { ip: '127.0.0.1', port: 3025 }))).toBe(local);
});
