/**
 * How the window is bundled: one page under `renderer/` to `dist/renderer`, every asset a file so
 * that the page's policy needs no `data:` for fonts and scripts. `build/renderer.ts` runs it.
 */
import { join } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  root: join(import.meta.dirname, 'renderer'),
  base: './',
  plugins: [svelte({ configFile: join(import.meta.dirname, 'svelte.config.js') })],
  build: {
    outDir: join(import.meta.dirname, 'dist/renderer'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: 'esnext',
    cssTarget: 'esnext',
    manifest: true,
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
