/**
 * Programs the tests use besides Node. As root on a Debian system the missing ones are installed;
 * otherwise the tests that need them skip and say so.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PACKAGE_OF: Readonly<Record<string, string>> = {
  chromium: 'chromium',
  zstd: 'zstd',
  openssl: 'openssl',
  swaks: 'swaks',
  'smtp-sink': 'postfix',
  mutt: 'mutt',
  doveadm: 'dovecot-imapd',
};

/** Absolute path of a program, or null. `/usr/sbin` is searched too: Debian keeps servers there. */
export function findTool(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => `${folder}/${name}`).find((file) => existsSync(file)) ?? null;
}

/** A Chromium for the browser tests: Debian's, a Chrome in its usual places, or `CHROMIUM_PATH`. */
export function findChromium(): string | null {
  const given = process.env['CHROMIUM_PATH'];
  if (given && existsSync(given)) return given;
  const usual = [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ];
  return (
    ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
      .map(findTool)
      .find((path) => path !== null) ??
    usual.find((path) => existsSync(path)) ??
    null
  );
}

/** Installs what is missing where that is possible. Returns what to tell the reader. */
export function prepareTools(): string[] {
  const missing = Object.keys(PACKAGE_OF).filter(
    (name) => (name === 'chromium' ? findChromium() : findTool(name)) === null,
  );
  if (missing.length === 0) return [];
  const packages = [...new Set(missing.map((name) => PACKAGE_OF[name] ?? name))];
  if (process.getuid?.() === 0 && findTool('apt-get') !== null) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
    const run = spawnSync(
      'apt-get',
      ['install', '-y', '-qq', '--no-install-recommends', ...packages],
      { stdio: 'ignore', env },
    );
    if (run.status === 0) return [`installed ${packages.join(', ')} with apt-get`];
  }
  return [
    `not installed: ${missing.join(', ')} (Debian: apt-get install ${packages.join(' ')}); tests that need them are skipped`,
  ];
}
