/**
 * A network of its own for a test: loopback, and one interface with the only route outward, whose
 * packets are counted. `sealed(script)` runs a script inside; there, `openSealedNetwork` sets it
 * up and `packetsOut` counts. Needs Linux and the right to make a network namespace.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from './tools.ts';

const root = join(import.meta.dirname, '../..');
/** TEST-NET-2 (RFC 5737): an address outside that nobody has. */
export const OUTSIDE = '198.51.100';
const OWN = `${OUTSIDE}.1`;
const GATEWAY = `${OUTSIDE}.254`;

/** Why there cannot be such a network here; null when there can. */
export function whyNotSealed(): string | null {
  const ip = findTool('ip');
  if (process.platform !== 'linux' || findTool('unshare') === null || ip === null)
    return 'unshare and ip (util-linux, iproute2) are not installed';
  const tried = spawnSync('unshare', [...FLAGS, ip, 'link', 'add', 'out0', 'type', 'veth'], {
    encoding: 'utf8',
  });
  if (tried.status === 0) return null;
  return `a network namespace is not allowed here: ${(tried.stderr || String(tried.error)).trim()}`;
}

const FLAGS = [...(process.getuid?.() === 0 ? [] : ['--map-root-user']), '--net', '--mount'];

/** Runs a script of `test/` with Node inside; resolves to the JSON of its last line. */
export function sealed<T>(script: string): Promise<T> {
  const node = join(root, 'node_modules/.bin/node');
  const child = spawn('unshare', [...FLAGS, node, join(root, 'test', script)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('close', (status) => {
      if (status !== 0) return reject(new Error(`${script} ended with ${status}:\n${stderr}`));
      resolve(JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T);
    });
  });
}

/** Inside: loopback up, one way out that leads nowhere, name servers beyond it. */
export function openSealedNetwork(resolvConf: string): void {
  writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1');
  writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1');
  writeFileSync(resolvConf, `nameserver ${OUTSIDE}.53\noptions timeout:1 attempts:1\n`);
  for (const line of [
    'ip link set lo up',
    'ip link add out0 type veth peer name far0',
    `ip address add ${OWN}/24 dev out0`,
    'ip link set out0 up',
    'ip link set far0 up',
    // Known, so that what is counted is the packet itself and not the question who has the address.
    `ip neighbour add ${GATEWAY} lladdr 02:00:00:00:00:01 dev out0`,
    `ip route add default via ${GATEWAY} dev out0`,
    `ip route replace ${OUTSIDE}.0/24 via ${GATEWAY} dev out0`,
    `mount --bind ${resolvConf} /etc/resolv.conf`,
  ]) {
    const [program = '', ...args] = line.split(' ');
    const run = spawnSync(findTool(program) ?? program, args, { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`${line}: ${run.stderr || String(run.error)}`);
  }
}

/** Packets that left by the only way out. */
export function packetsOut(): number {
  const line = /^\s*out0:(.*)$/m.exec(readFileSync('/proc/net/dev', 'utf8'))?.[1];
  if (line === undefined) throw new Error('/proc/net/dev has no out0');
  return Number(line.trim().split(/\s+/)[9]);
}
