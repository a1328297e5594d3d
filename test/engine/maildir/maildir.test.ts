import fs from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import {
  createMaildir,
  DeliveredFiles,
  MaildirError,
  storeMessage,
} from '../../../engine/maildir/maildir.ts';
import {
  INFO_SEPARATOR,
  stableFileNames,
  stableName,
  UniqueNames,
} from '../../../engine/maildir/unique-name.ts';
import { SimClock } from '../../support/sim-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const plain = (path: string): Parameters<typeof createMaildir>[0] => ({
  path,
  dirMode: null,
  fileMode: null,
});
const text = (words: string): Uint8Array => Buffer.from(words);
const mode = (file: string): string => (fs.statSync(file).mode & 0o777).toString(8);
const delivered = { messageId: 'ab'.repeat(16), createdMs: 1_767_603_600_123, recipientIndex: 2 };

function caught(run: () => unknown): MaildirError {
  try {
    run();
  } catch (error) {
    if (error instanceof MaildirError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('UniqueNames', () => {
  it('makes the names of KumoMTA, counted in hex', () => {
    const names = new UniqueNames(new SimClock(1_767_603_600_123.5), 'box.test', 77);
    for (let i = 0; i < 26; i++) names.next();
    const { tmp, final } = names.next();
    expect(tmp).toBe('1767603600.#1aM123500000P77.box.test');
    expect(final({ dev: 65_024n, ino: 12n, size: 99 })).toBe(
      '1767603600.#1aM123500000P77V65024I12.box.test,S=99',
    );
  });
});

describe('stableName()', () => {
  it('is the same for the same recipient of a message and keeps host names harmless', () => {
    const name = stableName(delivered, 'a/b:c');
    expect(name).toBe(`1767603600.M${'ab'.repeat(16)}R2.a\\057b\\072c`);
    expect(stableName({ ...delivered, recipientIndex: 0 }, 'a/b:c')).not.toBe(name);
  });
});

describe('createMaildir()', () => {
  it('makes the three folders and everything above them', async () => {
    await using folder = tempFolder();
    createMaildir(plain(`${folder.path}/a/b`));
    expect(fs.readdirSync(`${folder.path}/a/b`)).toEqual(['cur', 'new', 'tmp']);
  });

  it('gives dir_mode to what it makes, ancestors included, and nothing else', async () => {
    await using folder = tempFolder();
    fs.mkdirSync(`${folder.path}/there`, { mode: 0o700 });
    createMaildir({ path: `${folder.path}/there/x/y`, dirMode: 0o777, fileMode: null });
    const made = ['there', 'there/x', 'there/x/y', 'there/x/y/cur', 'there/x/y/tmp'];
    expect(made.map((dir) => mode(`${folder.path}/${dir}`))).toEqual([
      '700',
      '777',
      '777',
      '777',
      '777',
    ]);
  });

  it('fails with ENOTDIR when a plain file is in the way above', async () => {
    await using folder = tempFolder();
    fs.writeFileSync(`${folder.path}/blocked`, '');
    const error = caught(() => createMaildir(plain(`${folder.path}/blocked/maildir`)));
    expect([error.stage, error.cause.code]).toEqual(['create', 'ENOTDIR']);
  });

  it('says what it found when one of the folders is a file', async () => {
    await using folder = tempFolder();
    fs.writeFileSync(`${folder.path}/cur`, '');
    const error = caught(() => createMaildir(plain(folder.path)));
    expect(error.cause.message).toContain('/cur already exists as non-directory Metadata {');
  });

  it('fails with ENOENT for a relative path whose first folder is missing', () => {
    const error = caught(() => createMaildir(plain('no-such-folder-here/maildir')));
    expect(error.cause.code).toBe('ENOENT');
  });

  it('never takes an empty path for the root', () => {
    const error = caught(() => createMaildir(plain('')));
    expect(error.cause.code).toBe('ENOENT');
  });
});

describe('storeMessage()', () => {
  it.each(['flush', 'no-flush'] as const)(
    'puts the bytes as they are into new (%s)',
    async (how) => {
      await using folder = tempFolder();
      const target = { path: folder.path, dirMode: null, fileMode: 0o664 };
      createMaildir(target);
      const names = new UniqueNames(new SimClock(), 'box.test', 1);
      const unique = storeMessage(target, () => names.next(), text('a\r\n.b\r\n'), how);
      expect(unique).toMatch(/^\d{10}\.#0M\d+P1V\d+I\d+\.box\.test,S=7$/);
      expect(fs.readFileSync(`${folder.path}/new/${unique}`, 'utf8')).toBe('a\r\n.b\r\n');
      expect(mode(`${folder.path}/new/${unique}`)).toBe('664');
      expect(fs.readdirSync(`${folder.path}/tmp`)).toEqual([]);
    },
  );

  it('takes another name when the first exists below tmp', async () => {
    await using folder = tempFolder();
    createMaildir(plain(folder.path));
    const name = stableName(delivered, 'h');
    fs.writeFileSync(`${folder.path}/tmp/${name}`, 'half');
    const unique = storeMessage(
      plain(folder.path),
      (tryCount) => stableFileNames(name, tryCount),
      text('whole'),
      'no-flush',
    );
    expect(fs.readFileSync(`${folder.path}/new/${unique}`, 'utf8')).toBe('whole');
    expect(fs.readFileSync(`${folder.path}/tmp/${name}`, 'utf8')).toBe('half');
  });

  it('never overwrites, and leaves nothing below tmp when it fails', async () => {
    await using folder = tempFolder();
    createMaildir(plain(folder.path));
    const again = (): string =>
      storeMessage(plain(folder.path), (n) => stableFileNames('same', n), text('x'), 'no-flush');
    const unique = again();
    fs.writeFileSync(`${folder.path}/new/${unique}`, 'mine');
    expect(caught(again).cause.code).toBe('EEXIST');
    expect(fs.readFileSync(`${folder.path}/new/${unique}`, 'utf8')).toBe('mine');
    expect(fs.readdirSync(`${folder.path}/tmp`)).toEqual([]);
  });

  it('reports a missing folder as an error of storing', async () => {
    await using folder = tempFolder();
    const names = new UniqueNames(new SimClock(), 'h', 1);
    const error = caught(() =>
      storeMessage(plain(`${folder.path}/gone`), () => names.next(), text(''), 'flush'),
    );
    expect([error.stage, error.cause.code]).toEqual(['store', 'ENOENT']);
  });
});

describe('DeliveredFiles', () => {
  const find = (dir: string, name: string): string | null => new DeliveredFiles().find(dir, name);

  it('finds a delivery in new, and in cur with whatever flags it has', async () => {
    await using folder = tempFolder();
    createMaildir(plain(folder.path));
    const name = stableName(delivered, 'h');
    expect(find(folder.path, name)).toBeNull();
    const unique = storeMessage(
      plain(folder.path),
      (n) => stableFileNames(name, n),
      text('x'),
      'no-flush',
    );
    expect(find(folder.path, name)).toBe(unique);
    fs.renameSync(
      `${folder.path}/new/${unique}`,
      `${folder.path}/cur/${unique}${INFO_SEPARATOR}2,S`,
    );
    expect(find(folder.path, name)).toBe(unique);
    expect(find(folder.path, `${name}0`)).toBeNull();
    expect(find(`${folder.path}/gone`, name)).toBeNull();
  });

  it('looks at each maildir once', async () => {
    await using folder = tempFolder();
    createMaildir(plain(`${folder.path}/one`));
    createMaildir(plain(`${folder.path}/two`));
    const looks = vi.spyOn(fs, 'readdirSync');
    const files = new DeliveredFiles();
    for (const name of ['a', 'b', 'c']) {
      expect(files.find(`${folder.path}/one`, name)).toBeNull();
      expect(files.find(`${folder.path}/two`, name)).toBeNull();
    }
    expect(looks.mock.calls.map(([dir]) => String(dir).slice(folder.path.length))).toEqual([
      '/one/cur',
      '/one/new',
      '/two/cur',
      '/two/new',
    ]);
    looks.mockRestore();
  });
});
