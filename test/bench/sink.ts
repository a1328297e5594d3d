/** Debian's `smtp-sink`, the reference of the benches: it takes everything and keeps nothing. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';

export function startSink(tool: string, port: number): ChildProcess {
  const user = process.getuid?.() === 0 ? ['-u', 'postfix'] : [];
  return spawn(tool, [...user, `127.0.0.1:${port}`, '512'], { stdio: 'ignore' });
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
