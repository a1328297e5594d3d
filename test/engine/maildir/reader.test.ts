import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { changeFlags, formatName, parseName, setFlags } from '../../../engine/maildir/flags.ts';
import { createMaildir } from '../../../engine/maildir/maildir.ts';
import { listMaildir, MaildirTree } from '../../../engine/maildir/reader.ts';
import { reconcileMaildirs } from '../../../engine/maildir/reconcile.ts';
import type { ExpectedFile } from '../../../engine/maildir/reconcile.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function maildir(path: string): string {
  createMaildir({ path, dirMode: null, fileMode: null });
  return path;
}

describe('parseName() and formatName()', () => {
  it.each([
    ['123.a.h,S=5', { unique: '123.a.h,S=5', flags: '' }],
    ['123.a.h:2,', { unique: '123.a.h', flags: '' }],
    ['123.a.h:2,SF', { unique: '123.a.h', flags: 'FS' }],
    ['123.a.h:1,xyz', { unique: '123.a.h', flags: '' }],
  ])('read %s', (file, name) => {
    expect(parseName(file)).toEqual(name);
  });

  it('write flags once and in order', () => {
    expect(formatName({ unique: 'u', flags: 'SRSF' })).toBe('u:2,FRS');
    expect(changeFlags('FS', 'RT', 'F')).toBe('RST');
  });
});

describe('setFlags()', () => {
  it('moves a message from new to cur and renames it there afterwards', async () => {
    await using folder = tempFolder();
    const dir = maildir(folder.path);
    fs.writeFileSync(`${dir}/new/1.a.h,S=1`, 'x');
    expect(await setFlags(dir, '1.a.h,S=1', { add: 'S', remove: '' })).toBe('1.a.h,S=1:2,S');
    expect(await setFlags(dir, '1.a.h,S=1', { add: 'F', remove: 'S' })).toBe('1.a.h,S=1:2,F');
    expect(fs.readdirSync(`${dir}/cur`)).toEqual(['1.a.h,S=1:2,F']);
    expect(fs.readdirSync(`${dir}/new`)).toEqual([]);
  });

  it('fails for a message that is gone', async () => {
    await using folder = tempFolder();
    await expect(
      setFlags(maildir(folder.path), 'nobody', { add: 'S', remove: '' }),
    ).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('listMaildir()', () => {
  it('lists newest first with flags, size and header summary, a page at a time', async () => {
    await using folder = tempFolder();
    const dir = maildir(folder.path);
    const mail =
      'From: A <a@x.test>\r\nTo: b@y.test,\r\n c@y.test\r\nsubject:  hi\r\n\r\nSubject: no\r\n';
    fs.writeFileSync(`${dir}/new/1700000003.c.h`, mail);
    fs.writeFileSync(`${dir}/cur/1700000001.a.h:2,RS`, 'no headers');
    fs.writeFileSync(`${dir}/new/1700000002.b.h`, '');
    fs.writeFileSync(`${dir}/new/.hidden`, '');
    const { entries, more } = await listMaildir(dir, { limit: 2 });
    expect(more).toBe(1);
    expect(entries[0]).toEqual({
      unique: '1700000003.c.h',
      file: '1700000003.c.h',
      folder: 'new',
      flags: '',
      timeMs: 1_700_000_003_000,
      sizeBytes: mail.length,
      from: 'A <a@x.test>',
      to: 'b@y.test, c@y.test',
      subject: 'hi',
    });
    const rest = await listMaildir(dir, { skip: 2, limit: 2 });
    expect(rest.entries.map((e) => [e.unique, e.folder, e.flags])).toEqual([
      ['1700000001.a.h', 'cur', 'RS'],
    ]);
  });

  it('reads only the beginning of a file', async () => {
    await using folder = tempFolder();
    const dir = maildir(folder.path);
    fs.writeFileSync(`${dir}/new/1700000001.a.h`, `X: ${'x'.repeat(20_000)}\r\nSubject: late\r\n`);
    const { entries } = await listMaildir(dir, { limit: 9 });
    expect(entries.map((e) => [e.sizeBytes, e.subject])).toEqual([[20_020, '']]);
  });

  it('takes a folder that is not there for an empty one', async () => {
    await using folder = tempFolder();
    expect(await listMaildir(`${folder.path}/none`, { limit: 9 })).toEqual({
      entries: [],
      more: 0,
    });
  });
});

describe('MaildirTree.read()', () => {
  it('counts maildirs, nests folders, and sees what changed', async () => {
    await using folder = tempFolder();
    const alice = maildir(`${folder.path}/example.com/alice`);
    maildir(`${folder.path}/example.com/alice/archive`);
    fs.mkdirSync(`${folder.path}/empty`);
    fs.writeFileSync(`${alice}/new/1.a.h`, '');
    fs.writeFileSync(`${alice}/cur/2.b.h:2,S`, '');
    fs.writeFileSync(`${alice}/cur/3.c.h:2,F`, '');
    const tree = new MaildirTree(folder.path);
    const first = await tree.read();
    expect(first.map((node) => [node.path, node.isMaildir])).toEqual([
      ['empty', false],
      ['example.com', false],
    ]);
    expect(first[1]?.children[0]).toMatchObject({
      path: 'example.com/alice',
      isMaildir: true,
      messageCount: 3,
      unreadCount: 2,
      children: [{ path: 'example.com/alice/archive', messageCount: 0 }],
    });
    fs.rmSync(`${alice}/new/1.a.h`);
    expect((await tree.read())[1]?.children[0]).toMatchObject({ messageCount: 2, unreadCount: 1 });
  });
});

describe('MaildirTree.read() of a large tree', () => {
  it('reads small closed folders, the first children of open ones, and nothing of large closed ones', async () => {
    await using folder = tempFolder();
    for (let n = 0; n < 12; n++) maildir(`${folder.path}/big/u${String(n).padStart(2, '0')}`);
    for (let n = 0; n < 3; n++) maildir(`${folder.path}/small/u${n}`);
    const tree = new MaildirTree(folder.path);
    const shape = async (open: readonly string[]): Promise<(string | number)[][]> =>
      (await tree.read({ open: new Set(open), childrenMax: 5, closedMax: 10 })).map((node) => [
        node.name,
        node.childCount,
        node.children.length,
      ]);
    expect(await shape([])).toEqual([
      ['big', 12, 0],
      ['small', 3, 3],
    ]);
    expect(await shape(['big'])).toEqual([
      ['big', 12, 5],
      ['small', 3, 3],
    ]);
  });
});

describe('reconcileMaildirs()', () => {
  it('writes what is missing from new and cur, once, and reports what it could not', async () => {
    await using folder = tempFolder();
    const dir = maildir(`${folder.path}/a`);
    fs.writeFileSync(`${dir}/cur/1.kept.h:2,S`, 'kept');
    fs.writeFileSync(`${dir}/tmp/2.lost.h`, 'ha');
    fs.writeFileSync(`${folder.path}/file`, '');
    const expectFile = (path: string, unique: string, data: string | null): ExpectedFile => ({
      path,
      unique,
      dirMode: null,
      fileMode: null,
      load: async () => (data === null ? null : Buffer.from(data)),
    });
    const report = await reconcileMaildirs([
      expectFile(dir, '1.kept.h', 'other'),
      expectFile(dir, '2.lost.h', 'half'),
      expectFile(dir, '2.lost.h', 'half'),
      expectFile(`${folder.path}/b`, '3.new.h', 'folder too'),
      expectFile(dir, '4.purged.h', null),
      expectFile(`${folder.path}/file`, '5.h', 'x'),
    ]);
    expect(report.checkedCount).toBe(6);
    expect(report.restored.map((r) => r.unique)).toEqual(['2.lost.h', '3.new.h']);
    expect(report.failed).toHaveLength(1);
    expect(fs.readFileSync(`${dir}/new/2.lost.h`, 'utf8')).toBe('half');
    expect(fs.readFileSync(`${dir}/cur/1.kept.h:2,S`, 'utf8')).toBe('kept');
  });
});
