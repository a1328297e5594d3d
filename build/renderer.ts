/**
 * Bundles the window to `dist/renderer` and reports what the first paint costs on the wire: the
 * entry script with its static imports, the styles, and the two Latin fonts. Fails above the bound.
 * As a function it does nothing when the bundle is newer than everything it is made of.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const root = join(import.meta.dirname, '..');
const outDir = join(root, 'dist/renderer');
const FIRST_PAINT_BYTES_MAX = 400 * 1024;

interface ManifestEntry {
  readonly file: string;
  readonly isEntry?: boolean;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}

/** Builds unless the bundle is up to date; `always` builds in any case. */
export async function buildRenderer(when: 'if-stale' | 'always' = 'if-stale'): Promise<void> {
  if (when === 'if-stale') {
    if (isStale()) buildApart();
    return;
  }
  // Not loaded by who finds the bundle up to date: it takes a second and 100 MB.
  const { build } = await import('vite');
  await build({ configFile: join(root, 'vite.config.ts'), logLevel: 'warn' });
}

/** In a process of its own, so that an engine started afterwards does not keep the bundler's memory. */
function buildApart(): void {
  console.error('Building the window (after every change of it)…');
  const built = spawnSync(process.execPath, [import.meta.filename], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (built.status !== 0) throw new Error('Cannot build the window: see above');
}

function isStale(): boolean {
  const built = statSync(join(outDir, 'index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = [
    ...readdirSync(join(root, 'renderer'), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(root, 'renderer', name),
    ),
    ...['vite.config.ts', 'svelte.config.js', 'package-lock.json'].map((name) => join(root, name)),
  ];
  return sources.some((file) => (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > built);
}

/** What the browser must fetch before the first paint, gzipped (fonts as they are). */
export function firstPaintSizes(): { readonly name: string; readonly bytes: number }[] {
  const manifest = JSON.parse(readFileSync(join(outDir, '.vite/manifest.json'), 'utf8')) as Record<
    string,
    ManifestEntry
  >;
  const files = new Set(['index.html']);
  const visit = (key: string): void => {
    const entry = manifest[key];
    if (!entry || files.has(entry.file)) return;
    files.add(entry.file);
    for (const css of entry.css ?? []) files.add(css);
    for (const next of entry.imports ?? []) visit(next);
  };
  for (const [key, entry] of Object.entries(manifest)) if (entry.isEntry) visit(key);
  for (const { file } of Object.values(manifest))
    if (/latin-wght-normal/.test(file)) files.add(file);
  return [...files].map((name) => {
    const bytes = readFileSync(join(outDir, name));
    return { name, bytes: name.endsWith('.woff2') ? bytes.length : gzipSync(bytes).length };
  });
}

if (import.meta.main) {
  await buildRenderer('always');
  const sizes = firstPaintSizes();
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { name, bytes } of sizes)
    console.log(`${(bytes / 1024).toFixed(1).padStart(7)} KB  ${name}`);
  console.log(`${(total / 1024).toFixed(1).padStart(7)} KB  first paint, gzipped`);
  if (total > FIRST_PAINT_BYTES_MAX) {
    console.error(`First paint is ${total} bytes, expected at most ${FIRST_PAINT_BYTES_MAX}`);
    process.exitCode = 1;
  }
}
