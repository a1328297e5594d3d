/** Bundles the shell to `dist/electron`: the main script as a module, the preload as CommonJS (sandboxed pages take nothing else). */
import { join } from 'node:path';
import { build } from 'vite';

const root = join(import.meta.dirname, '..');

export async function buildElectron(): Promise<void> {
  for (const [entry, format, extension] of [
    ['main', 'es', 'js'],
    ['preload', 'cjs', 'cjs'],
  ] as const) {
    await build({
      configFile: false,
      logLevel: 'warn',
      build: {
        ssr: join(root, 'electron', `${entry}.ts`),
        outDir: join(root, 'dist/electron'),
        emptyOutDir: false,
        target: 'node24',
        rollupOptions: {
          external: ['electron'],
          output: { format, entryFileNames: `${entry}.${extension}` },
        },
      },
    });
  }
}

if (import.meta.main) await buildElectron();
