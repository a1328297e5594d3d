import fs from 'node:fs';
import fsAsync from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { createMaildir } from '../../../engine/maildir/maildir.ts';
import { MaildirFiles } from '../../../engine/maildir/maildir-files.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function maildir(path: string, ...files: readonly string[]): string {
  createMaildir({ path, dirMode: null, fileMode: null });
  for (const file of files) fs.writeFileSync(`${path}/${file}`, 'body');
  return path;
}

describe('MaildirFiles', () => {
  it('takes a message away and puts it back under the name it had', async () => {
    await using folder = tempFolder();
    const dir = maildir(folder.path, 'cur/1.a.h:2,S', 'new/2.a.h');
    const files = new MaildirFiles();
    expect(await files.unlink(dir, '1.a.h')).toBe('1.a.h:2,S');
    expect(await files.unlink(dir, '1.a.h')).toBeNull();
    expect(await files.unlink(dir, '2.a.h')).toBe('2.a.h');
    const later = new MaildirFiles();
    await later.putBack(dir, '2.a.h', Buffer.from('body'));
    await later.putBack(dir, '1.a.h:2,S', Buffer.from('body'));
    await new MaildirFiles().putBack(dir, '1.a.h:2,S', Buffer.from('other'));
    expect(fs.readdirSync(`${dir}/new`)).toEqual(['2.a.h']);
    expect(fs.readdirSync(`${dir}/cur`)).toEqual(['1.a.h:2,S']);
    expect(fs.readFileSync(`${dir}/cur/1.a.h:2,S`, 'utf8')).toBe('body');
  });

  it('lists a maildir once for all that were moved, never for those as delivered', async () => {
    await using folder = tempFolder();
    const uniques = Array.from({ length: 50 }, (_, n) => `${n}.a.h`);
    const dir = maildir(folder.path, ...uniques.map((unique) => `new/${unique}`));
    const moved = maildir(`${folder.path}/b`, ...uniques.map((unique) => `cur/${unique}:2,S`));
    const readdir = vi.spyOn(fsAsync, 'readdir');
    const files = new MaildirFiles();
    await Promise.all(uniques.map((unique) => files.unlink(dir, unique)));
    expect(readdir).toHaveBeenCalledTimes(0);
    await Promise.all(uniques.map((unique) => files.unlink(moved, unique)));
    expect(readdir).toHaveBeenCalledTimes(2);
    readdir.mockRestore();
    expect(fs.readdirSync(`${dir}/new`)).toEqual([]);
    expect(fs.readdirSync(`${moved}/cur`)).toEqual([]);
  });

  it('finds a message whose flags changed after the listing', async () => {
    await using folder = tempFolder();
    const dir = maildir(folder.path, 'cur/1.a.h:2,S', 'cur/2.a.h:2,S');
    const files = new MaildirFiles();
    await files.unlink(dir, '1.a.h');
    fs.renameSync(`${dir}/cur/2.a.h:2,S`, `${dir}/cur/2.a.h:2,FS`);
    expect(await files.unlink(dir, '2.a.h')).toBe('2.a.h:2,FS');
    expect(fs.readdirSync(`${dir}/cur`)).toEqual([]);
  });
});
