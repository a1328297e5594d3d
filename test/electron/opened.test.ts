/** What the desktop asks to be opened: `.eml` files and `postyard://` links. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { handOver, openedByArguments, openedByUrl } from '../../electron/opened.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('openedByArguments() takes files that are there and links, nothing else', async () => {
  await using folder = tempFolder();
  writeFileSync(join(folder.path, 'a.eml'), 'From: a\r\n\r\n');
  writeFileSync(join(folder.path, 'b.postyard'), '');
  const args = ['--flag', 'a.eml', 'b.postyard', 'missing.eml', '.', 'postyard://queues'];
  expect(openedByArguments(args, folder.path)).toEqual([
    { kind: 'file', path: join(folder.path, 'a.eml') },
    { kind: 'shared', path: join(folder.path, 'b.postyard') },
    { kind: 'link', screen: 'queues' },
  ]);
});

test('openedByUrl() takes the name of a screen and nothing that is more', () => {
  expect(openedByUrl('postyard://Log/')).toEqual({ kind: 'link', screen: 'log' });
  for (const url of [
    'postyard://',
    'postyard://mail?token=x',
    'postyard://mail#token=x',
    'postyard://../../etc',
    'https://mail',
  ])
    expect(openedByUrl(url), url).toBeNull();
});

test('handOver() runs the command of the engine and tells what went wrong', async () => {
  await using folder = tempFolder();
  const main = join(folder.path, 'main.mjs');
  writeFileSync(
    main,
    `if (process.argv.slice(2).join(' ') !== 'send --workspace W --eml M.eml') {
       console.error('postyard send: ' + process.argv.slice(2).join(' '));
       process.exitCode = 1;
     }`,
  );
  const engine = { executable: process.execPath, env: process.env };
  const args = [main, 'serve', '--workspace', 'W'];
  expect(await handOver({ ...engine, args }, 'M.eml')).toBeNull();
  expect(await handOver({ ...engine, args }, 'N.eml')).toBe(
    'postyard send: send --workspace W --eml N.eml',
  );
});
