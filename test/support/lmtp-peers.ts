/**
 * LMTP servers that others wrote, on a free port in a folder of their own: postfix's `smtp-sink -L`
 * and Dovecot. Both say what arrived as the marks (`X-Mark: …;`) found in their files.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './serve-process.ts';
import { findTool } from './tools.ts';

const isRoot = process.getuid?.() === 0;

export class LmtpPeer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #log: () => string;

  private constructor(parts: {
    port: number;
    folder: string;
    child: ChildProcess;
    log: () => string;
  }) {
    this.port = parts.port;
    this.#folder = parts.folder;
    this.#child = parts.child;
    this.#log = parts.log;
  }

  static smtpSink(): Promise<LmtpPeer> {
    return LmtpPeer.#start('smtp-sink', (folder, port) => {
      const user = isRoot ? ['-u', 'nobody'] : [];
      const args = [...user, '-L', '-d', 'mail.%M.', `127.0.0.1:${port}`, '10'];
      return spawn(findTool('smtp-sink') ?? '', args, { cwd: folder, stdio: 'ignore' });
    });
  }

  static dovecot(): Promise<LmtpPeer> {
    return LmtpPeer.#start('dovecot', (folder, port) => {
      const config = join(folder, 'dovecot.conf');
      mkdirSync(join(folder, 'mail'));
      chmodSync(join(folder, 'mail'), 0o777);
      writeFileSync(config, dovecotConfig(folder, port));
      return spawn(findTool('dovecot') ?? '', ['-F', '-c', config], { stdio: 'ignore' });
    });
  }

  static async #start(
    name: string,
    run: (folder: string, port: number) => ChildProcess,
  ): Promise<LmtpPeer> {
    const folder = mkdtempSync(join(tmpdir(), `postyard-${name}-`));
    chmodSync(folder, 0o777);
    const port = await freePort();
    const log = (): string => {
      const file = join(folder, 'log');
      return existsSync(file) ? readFileSync(file, 'utf8').slice(-2_000) : '';
    };
    const peer = new LmtpPeer({ port, folder, child: run(folder, port), log });
    await eventually(`${name} listens`, () => answers(port), 10_000).catch(async (error: Error) => {
      await peer[Symbol.asyncDispose]();
      throw new Error(`${error.message}\n${log()}`);
    });
    return peer;
  }

  /** How often each mark is in a file, over all mailboxes. */
  marks(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const name of readdirSync(this.#folder, { recursive: true, encoding: 'utf8' })) {
      if (!/(^|\/)mail\.|\/(new|cur)\//.test(name)) continue;
      const text = readFileSync(join(this.#folder, name), 'latin1');
      const mark = /^X-Mark: (\S+);/m.exec(text)?.[1];
      if (mark !== undefined) counts.set(mark, (counts.get(mark) ?? 0) + 1);
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function dovecotConfig(folder: string, port: number): string {
  const user = isRoot ? 'nobody' : (process.env['USER'] ?? 'nobody');
  const internal = isRoot
    ? []
    : [`default_internal_user = ${user}`, `default_login_user = ${user}`];
  return [
    `base_dir = ${folder}/run`,
    `state_dir = ${folder}/state`,
    `log_path = ${folder}/log`,
    'protocols = lmtp',
    'listen = 127.0.0.1',
    'ssl = no',
    'first_valid_uid = 1',
    ...internal,
    `mail_location = maildir:${folder}/mail/%u`,
    'passdb {',
    '  driver = static',
    '  args = nopassword=y',
    '}',
    'userdb {',
    '  driver = static',
    `  args = uid=${user} gid=${isRoot ? 'nogroup' : user} home=${folder}/mail/%u allow_all_users=yes`,
    '}',
    'service lmtp {',
    '  inet_listener lmtp {',
    '    address = 127.0.0.1',
    `    port = ${port}`,
    '  }',
    '}',
    '',
  ].join('\n');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
