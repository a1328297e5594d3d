/** The import table: a stage knows the door of the next stage and never the one before. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** Folder under engine/ -> folders it may import; `*` is everything. */
const mayImport: Readonly<Record<string, readonly string[] | '*'>> = {
  base: [],
  files: ['base'],
  mail: ['base'],
  smtp: ['base', 'mail'],
  maildir: ['base'],
  guard: ['base'],
  dns: ['base', 'files', 'guard'],
  workspace: ['base', 'files'],
  store: ['base', 'mail', 'policy/event-call.ts'],
  policy: ['base', 'files', 'mail', 'dns', 'guard'],
  'policy-extras': [],
  log: ['base', 'mail', 'policy', 'store'],
  routes: ['base', 'files', 'mail', 'policy'],
  farends: ['base', 'files', 'mail', 'store'],
  suppression: ['base', 'mail', 'store'],
  search: ['base', 'mail', 'store'],
  inspect: ['base', 'mail', 'store'],
  share: ['base', 'mail', 'store', 'inspect', 'search', 'routes', 'api/protocol.ts'],
  replay: [
    ...['base', 'files', 'mail', 'store', 'log', 'policy', 'routes', 'smtp', 'dns', 'guard'],
    ...['delivery', 'queue', 'reception'],
  ],
  delivery: ['base', 'mail', 'policy', 'log', 'store', 'maildir', 'smtp', 'dns', 'guard'],
  queue: ['base', 'mail', 'policy', 'log', 'store', 'delivery', 'maildir', 'dns', 'routes'],
  reception: [
    ...['base', 'mail', 'policy', 'log', 'store', 'queue', 'smtp', 'routes'],
    'guard/open-hosts.ts',
  ],
  api: '*',
  commands: '*',
  compose: '*',
};

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|svelte)$/.test(name))
    .map((name) => join(folder, name));
}

function importsOf(file: string): { line: string; target: string; isType: boolean }[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = [
    ...text.matchAll(/^\s*(?:import|export)\s+(type\s+)?[^;'"]*?from\s+['"](\.[^'"]+)['"]/gm),
  ];
  return found.map((match) => ({
    line: match[0].trim().replace(/\s+/g, ' '),
    target: relative(root, resolve(root, dirname(file), match[2] ?? '')),
    isType: match[1] !== undefined,
  }));
}

test('no folder of the engine imports upstream', () => {
  const complaints: string[] = [];
  for (const file of sources('engine')) {
    const folder = file.split('/')[1] ?? '';
    if (folder.endsWith('.ts')) continue;
    const allowed = mayImport[folder];
    if (allowed === undefined) {
      complaints.push(`${file}: folder engine/${folder} is not in the table`);
      continue;
    }
    if (allowed === '*') continue;
    for (const { target, line } of importsOf(file)) {
      const to = target.split('/').slice(1);
      const isAllowed =
        to[0] === folder || allowed.some((entry) => entry === to[0] || entry === to.join('/'));
      if (!isAllowed)
        complaints.push(
          `${file}: ${line}\n    may import: ${allowed.join(', ') || 'nothing of ours'}`,
        );
    }
  }
  expect(complaints.join('\n')).toBe('');
});

test.each(['renderer', 'electron'])('%s imports only types of engine/api/protocol.ts', (folder) => {
  const complaints: string[] = [];
  for (const file of sources(folder)) {
    for (const { target, line, isType } of importsOf(file)) {
      if (target.startsWith(`${folder}/`)) continue;
      if (target === 'engine/api/protocol.ts' && isType) continue;
      complaints.push(`${file}: ${line}`);
    }
  }
  expect(complaints.join('\n')).toBe('');
});
