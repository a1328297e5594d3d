import { expect, test } from 'vitest';
import { workspaceLayout } from '../../../engine/workspace/layout.ts';
import { PathRemaps } from '../../../engine/workspace/remap.ts';

const layout = workspaceLayout('/home/dev/yard');
const remaps = (allowed: string[] = []): PathRemaps => new PathRemaps(layout, allowed);

test('PathRemaps.state() keeps spools and logs below .postyard/root', () => {
  expect(remaps().state('/var/spool/kumomta/data')).toBe(
    '/home/dev/yard/.postyard/root/var/spool/kumomta/data',
  );
  expect(remaps().state('/var/../../etc/x')).toBe('/home/dev/yard/.postyard/root/etc/x');
});

test('PathRemaps.file() finds production files in the workspace', () => {
  expect(remaps().file('/opt/kumomta/etc/policy/routes.lua')).toBe(
    '/home/dev/yard/policy/routes.lua',
  );
  expect(remaps().file('/opt/kumomta/etc/dkim/example.com/s1.key')).toBe(
    '/home/dev/yard/etc/dkim/example.com/s1.key',
  );
  expect(remaps().file('data/list.sqlite')).toBe('/home/dev/yard/data/list.sqlite');
});

test('PathRemaps.file() refuses what is outside, and says how to allow it', () => {
  expect(() => remaps().file('/etc/passwd')).toThrow(/allowFolders/);
  expect(() => remaps().file('../other/x')).toThrow(/inside \/home\/dev\/yard/);
  expect(() => remaps().file('/home/dev/yard-two/x')).toThrow(/inside/);
  expect(remaps(['/srv/lists']).file('/srv/lists/a.toml')).toBe('/srv/lists/a.toml');
});

test.each([
  ['mail/example.com/alice', '/home/dev/yard/mail/example.com/alice'],
  ['/maildirs/example.com/alice', '/home/dev/yard/mail/maildirs/example.com/alice'],
  [
    'mail/example.com/../../../../etc/x',
    '/home/dev/yard/mail/example.com/%2E%2E/%2E%2E/%2E%2E/%2E%2E/etc/x',
  ],
  ['/maildirs/../up', '/home/dev/yard/mail/maildirs/%2E%2E/up'],
])('PathRemaps.maildir(%j) stays inside', (path, expected) => {
  expect(remaps().maildir(path)).toBe(expected);
});

test('PathRemaps.list() shows each remap once', () => {
  const used = remaps();
  used.state('/var/log/kumomta');
  used.state('/var/log/kumomta');
  used.maildir('mail/a/b');
  expect(used.list()).toEqual([
    {
      what: 'spool and log path',
      from: '/var/log/kumomta',
      to: '/home/dev/yard/.postyard/root/var/log/kumomta',
    },
  ]);
});
