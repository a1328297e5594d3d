import { mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fsBindings } from '../../../../engine/policy/bindings/fs.ts';
import { timeBindings } from '../../../../engine/policy/bindings/time.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fs-test-'));
  writeFileSync(join(folder, 'old.txt'), '0123456789');
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (code: string): Promise<string[]> => {
  const deps = fakeDeps();
  return traceLua([fsBindings(deps), timeBindings(deps)], code, { folder });
};

it('writes at flush and close only, and w does not empty the file', async () => {
  expect(
    await run(`
      local f = kumo.fs.open(folder .. '/old.txt', 'w')
      f:write 'AB'
      trace(kumo.fs.open(folder .. '/old.txt'):read())
      f:flush()
      trace(kumo.fs.open(folder .. '/old.txt'):read())
      f:seek('end', -1)
      f:write 'Z!'
      f:close()
      local r = kumo.fs.open(folder .. '/old.txt', 'rb')
      trace(r:read(2), r:read(3), r:seek('cur', 1), r:read(), r:read() == '')
      try(f.write, f, 'x')
    `),
  ).toEqual([
    '0123456789',
    'AB23456789',
    'AB 234 6 678Z! true',
    `error Cannot use file ${folder}/old.txt: it was closed`,
  ]);
});

it('appends, truncates and creates as the mode says', async () => {
  await run(`
    local f <close> = kumo.fs.open(folder .. '/old.txt', 'a')
    f:write 'x'
    local t <close> = kumo.fs.open(folder .. '/new.txt', 'w+')
    t:write 'fresh'
    local c <close> = kumo.fs.open(folder .. '/made.txt', 'r+')
  `);
  expect(readFileSync(join(folder, 'old.txt'), 'utf8')).toBe('0123456789x');
  expect(readFileSync(join(folder, 'new.txt'), 'utf8')).toBe('fresh');
  expect(readFileSync(join(folder, 'made.txt'), 'utf8')).toBe('');
});

it('refuses unknown modes and missing files', async () => {
  expect(
    await run(`
      try(kumo.fs.open, folder .. '/x', 'rw')
      try(kumo.fs.open, folder .. '/missing')
      try(kumo.fs.read_dir, folder .. '/missing')
      try(kumo.fs.metadata_for_path, folder .. '/missing')
    `),
  ).toEqual([
    'error unsupported file mode `rw`',
    `error opening file ${folder}/missing: No such file or directory (os error 2)`,
    `error reading directory ${folder}/missing: No such file or directory (os error 2)`,
    `error reading metadata of ${folder}/missing: No such file or directory (os error 2)`,
  ]);
});

it('lists, globs and describes', async () => {
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub', 'a.lua'), '');
  symlinkSync('old.txt', join(folder, 'link'));
  expect(
    await run(`
      local function names(list) for i, p in ipairs(list) do list[i] = p:sub(#folder + 1) end return list end
      trace(names(kumo.read_dir(folder)), names(kumo.fs.glob(folder .. '/**/*.lua')), kumo.uncached_glob('*.txt', folder))
      local m = kumo.fs.metadata_for_path(folder .. '/link')
      trace(m.is_file, m.is_symlink, m.len, kumo.fs.symlink_metadata_for_path(folder .. '/link').is_symlink, m.mtime.year > 2000)
    `),
  ).toEqual(['{1=/link,2=/old.txt,3=/sub} {1=/sub/a.lua} {1=old.txt}', 'true false 10 true true']);
});
