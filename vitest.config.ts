import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{shared,aggregation,coordinator,client-node,dashboards,test}/**/*.test.ts'],
    // Two cores are the machine this project promises to work on: more workers only swap caches.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
