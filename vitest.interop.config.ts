import { defineConfig } from 'vitest/config'

// Tests against servers that npm does not bring; each says which one it misses and is skipped without it.
export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    // Real time and servers of others: what fails twice in a row has failed.
    retry: 1,
  },
})
