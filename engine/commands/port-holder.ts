/**
 * Who listens on a port of this machine, as far as Linux tells: the socket's number from
 * `/proc/net/tcp`, then the process that has it open.
 *
 * Source: proc(5).
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

const LISTENING = '0A';

/** `nginx (pid 812)`; null when it cannot be known. */
export function portHolder(port: number): string | null {
  const inode = ['/proc/net/tcp', '/proc/net/tcp6']
    .map((file) => inodeOf(file, port))
    .find(Boolean);
  if (inode === undefined || inode === null) return null;
  for (const pid of namesIn('/proc').filter((name) => /^\d+$/.test(name))) {
    const isHolder = namesIn(`/proc/${pid}/fd`).some(
      (fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`,
    );
    if (isHolder) return `${programOf(pid)} (pid ${pid})`;
  }
  return null;
}

/** `nginx`; a Node program by its script, since its threads have names of their own. */
function programOf(pid: string): string {
  const [program = '', ...args] = textOf(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
  const script = args.find((arg) => !arg.startsWith('-'));
  if (basename(program) === 'node' && script) return `node ${script}`;
  return basename(program) || 'a process';
}

function inodeOf(file: string, port: number): string | null {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of textOf(file)?.split('\n').slice(1) ?? []) {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state === LISTENING && local.endsWith(`:${wanted}`)) return inode ?? null;
  }
  return null;
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
