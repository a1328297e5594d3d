/**
 * Dovecot's IMAP over a maildir, without a server: `doveadm exec imap` speaks the protocol on its
 * standard input and output. Dovecot does not work as root; then it runs as `nobody`, who is given
 * the maildir.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from './tools.ts';

const doveadm = findTool('doveadm');
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** Why there is no Dovecot here; null when there is. */
export function whyNoDovecot(): string | null {
  if (doveadm === null) return 'doveadm is not installed (Debian: dovecot-imapd)';
  const version = spawnSync(findTool('dovecot') ?? '', ['--version'], { encoding: 'utf8' }).stdout;
  return version.startsWith('2.3.') ? null : `Dovecot is ${version.trim()}, expected 2.3`;
}

/** Says these commands in one session; resolves to everything that was answered, as bytes. */
export function imapSession(
  scratch: string,
  maildir: string,
  commands: readonly string[],
): Promise<Buffer> {
  const config = join(scratch, 'dovecot.conf');
  mkdirSync(join(scratch, 'run'), { recursive: true });
  writeFileSync(
    config,
    [
      `base_dir = ${join(scratch, 'run')}`,
      `log_path = ${join(scratch, 'dovecot.log')}`,
      'ssl = no',
      'protocols = imap',
      `mail_location = maildir:${maildir}`,
      'namespace inbox {',
      '  inbox = yes',
      '}',
      '',
    ].join('\n'),
  );
  if (isRoot) spawnSync('chown', ['-R', String(NOBODY), scratch, maildir]);
  const child = spawn(doveadm ?? '', ['-c', config, 'exec', 'imap'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], USER: 'nobody', HOME: scratch },
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  });
  const chunks: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  commands.forEach((command, n) => child.stdin.write(`${n} ${command}\r\n`));
  // Left open: an end of the input would cut off what is still being answered.
  child.stdin.write('x LOGOUT\r\n');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      const answer = Buffer.concat(chunks);
      if (status === 0 && answer.includes('x OK')) resolve(answer);
      else
        reject(
          new Error(`imap ended with ${status}: ${stderr}${answer.toString('latin1', 0, 2_000)}`),
        );
    });
  });
}
