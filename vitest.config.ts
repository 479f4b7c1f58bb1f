import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Machines stall: a test of deadlines over real sockets has failed when it fails twice in a row.
    retry: 1,
    pool: 'forks',
    // One more than the cores of a small machine: many tests wait for real time to pass.
    maxWorkers: 3,
    // Tests that run side by side wait for leases and timers most of their time.
    maxConcurrency: 8,
  },
})
