import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  resolve: { conditions: ['browser'] },
  test: {
    // Engine tests open sockets and workers; two processes suit the smallest machine we support.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    // A browser, two engines and a kill loop share two cores: a failure must repeat to count.
    retry: 1,
    hookTimeout: 30_000,
    include: ['test/**/*.test.ts'],
    exclude: ['test/golden/**', 'node_modules/**'],
  },
});
