import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{shared,aggregation,coordinator,client-node,dashboards,test}/**/*.test.ts'],
    // Two cores are the machine this project promises to work on: more workers only swap caches.
    maxWorkers: 2,
    // A test that hangs must end some time, and none may fail because the machine is slow or busy.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 300_000 } },
  },
});
