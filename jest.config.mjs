import { availableParallelism } from 'node:os';

// biome-ignore lint/style/noDefaultExport: Jest asks for one.
export default {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  globalSetup: '<rootDir>/build/before-tests.mjs',
  globalTeardown: '<rootDir>/build/after-tests.mjs',
  testSequencer: '<rootDir>/build/order-tests.mjs',
  setupFiles: ['<rootDir>/build/load-tests.mjs'],
  runner: ['jest-light-runner', { runtime: 'child_process' }],
  // Half of their time tests wait: for processes that start, and for clocks of Kong's that run in real time.
  // As a number: the runner takes "200%" for 200.
  maxWorkers: 2 * availableParallelism(),
};
