/** Size is a ratchet: new files over the line need a reason in their header or a second look. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const LINES_MAX = 500;

function tracked(...patterns: string[]): string[] {
  const names = execFileSync('git', ['ls-files', ...patterns], { cwd: root, encoding: 'utf8' });
  return names.split('\n').filter((name) => name !== '' && existsSync(join(root, name)));
}

test('files over 500 lines say why in their header', () => {
  const complaints: string[] = [];
  for (const file of tracked(
    'engine/**/*.ts',
    'engine/*.ts',
    'electron/*.ts',
    'renderer/**/*.ts',
    'renderer/**/*.svelte',
  )) {
    const text = readFileSync(join(root, file), 'utf8');
    const lines = text.split('\n').length;
    if (lines > LINES_MAX && !/long because/i.test(text.slice(0, 1500))) {
      complaints.push(`${file}: ${lines} lines; split it, or write "Long because …" in its header`);
    }
  }
  expect(complaints.join('\n')).toBe('');
});

test('every file of the engine opens with a comment that says what it is', () => {
  const bare = tracked('engine/**/*.ts', 'engine/*.ts').filter(
    (file) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(bare).toEqual([]);
});

test("no file of the project carries a path of somebody's machine", () => {
  const complaints = tracked('*.ts', '*.md', '*.json', '*.svelte', '*.lua', '.ci/run')
    .filter(
      (file) =>
        !file.startsWith('test/golden/') &&
        file !== 'package-lock.json' &&
        file !== 'test/tidy/files.test.ts',
    )
    .filter((file) =>
      /\/(work|home\/[a-z]+|Users\/[a-z]+)\/(main|shared|project)/.test(
        readFileSync(join(root, file), 'utf8'),
      ),
    );
  expect(complaints).toEqual([]);
});
