import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { portHolder } from '../../../engine/commands/port-holder.ts';

const isLinux = process.platform === 'linux';

test.skipIf(!isLinux)('portHolder() names a Node program by its script', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  expect(portHolder(port)).toMatch(new RegExp(`^node \\S+ \\(pid ${process.pid}\\)$`));
  await new Promise((resolve) => server.close(resolve));
  expect(portHolder(port)).toBeNull();
});
