import { existsSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMissing } from '../../../engine/workspace/default-workspace.ts';
import {
  WorkspaceInUse,
  lockWorkspace,
  readEngineFile,
  writeEngineFile,
} from '../../../engine/workspace/engine-file.ts';
import { findWorkspace, workspaceLayout } from '../../../engine/workspace/layout.ts';

function fresh() {
  const layout = workspaceLayout(mkdtempSync(join(tmpdir(), 'postyard-ws-')));
  createMissing(layout);
  return layout;
}

/** Pid 1 is always alive and never us. */
const OTHER_PID = 1;

test('lockWorkspace() refuses a second engine and says which one has it', () => {
  const layout = fresh();
  writeFileSync(layout.lockFile, `${OTHER_PID}\n`);
  expect(() => lockWorkspace(layout)).toThrow(WorkspaceInUse);
  expect(() => lockWorkspace(layout)).toThrow(/pid 1 /);
});

test.each(['999999999\n', '', 'nonsense'])(
  'lockWorkspace() takes over a stale lock (%j)',
  (content) => {
    const layout = fresh();
    writeFileSync(layout.lockFile, content);
    const release = lockWorkspace(layout);
    expect(existsSync(layout.lockFile)).toBe(true);
    release();
    expect(existsSync(layout.lockFile)).toBe(false);
  },
);

test('the engine file is for its owner only, and a dead engine counts as none', () => {
  const layout = fresh();
  writeEngineFile(layout, { pid: process.pid, url: 'http://127.0.0.1:1', token: 't', smtp: null });
  expect(statSync(layout.engineFile).mode & 0o777).toBe(0o600);
  expect(readEngineFile(layout)).toMatchObject({ token: 't' });
  writeEngineFile(layout, { pid: 999_999_999, url: 'http://127.0.0.1:1', token: 't', smtp: null });
  expect(readEngineFile(layout)).toBeNull();
  writeFileSync(layout.engineFile, '{');
  expect(readEngineFile(layout)).toBeNull();
});

test('findWorkspace() takes the given folder, else the nearest parent that is a workspace', () => {
  const layout = fresh();
  const deep = join(layout.root, 'a/b');
  mkdirSync(deep, { recursive: true });
  expect(findWorkspace(undefined, deep).root).toBe(layout.root);
  expect(findWorkspace('other', deep).root).toBe(join(deep, 'other'));
});

test('createMissing() never touches what exists', () => {
  const layout = fresh();
  writeFileSync(layout.policyFile, '-- mine');
  expect(createMissing(layout)).toEqual([]);
});

test('createMissing() says why a place can be no workspace', () => {
  const file = join(fresh().root, 'a-file');
  writeFileSync(file, '');
  expect(() => createMissing(workspaceLayout(join(file, 'inside')))).toThrow(
    `Cannot make a workspace of ${join(file, 'inside')}: ${file} is a file, expected a folder; choose another folder with --workspace DIR`,
  );
  const noFolders = '/proc/postyard/deep';
  if (process.platform === 'linux') {
    expect(() => createMissing(workspaceLayout(noFolders))).toThrow(
      `Cannot make a workspace of ${noFolders}: `,
    );
  }
});
