import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  resolve: { conditions: ['browser'] },
  test: {
    // Tests of the engine wait as much as they compute: three keep the smallest machine (two cores) busy.
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 40_000,
    // A browser, two engines and a kill loop share two cores: a failure must repeat to count.
    retry: 1,
    hookTimeout: 30_000,
    include: ['test/**/*.test.ts'],
    exclude: ['test/golden/**', 'node_modules/**'],
  },
});
