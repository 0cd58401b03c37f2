/** The folders of test/ whose specs have a command of their own, `npm run test:NAME`. */
const PARTS = ['browser', 'clients', 'cost', 'docs', 'processes', 'servers'];

/** @type {import('jest').Config} */
const config = {
  testEnvironment: '<rootDir>/test/support/worker.environment.js',
  runtime: '<rootDir>/test/support/worker.runtime.js',
  injectGlobals: false,
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: PARTS.map((name) => `<rootDir>/test/${name}/`),
  // Ends what hangs. On a busy machine a test may take ten times what it needs alone: nothing is measured with it.
  testTimeout: 120_000,
  // One more than a small machine has processors: a third of the time a worker waits for sockets, locks and processes.
  maxWorkers: 3,
  // Modules of ended specs that share none stay in a worker's memory, and garbage collection comes to take most of its time.
  workerIdleMemoryLimit: '1GB',
  // To give a gigabyte back takes longer than the default of half a second where processors are busy. A worker that
  // something keeps alive is reported all the same.
  workerGracefulExitTimeout: 5_000,
  reporters: ['default', '<rootDir>/test/support/skipped.reporter.js'],
  testSequencer: '<rootDir>/test/support/test.sequencer.js',
  setupFilesAfterEnv: ['<rootDir>/test/support/loopback.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-agentos$': '<rootDir>/src/index.ts',
    '^nestjs-agentos/(ag-ui|ai-sdk|bullmq|engine|executor|guardrails|openapi|sql|stores|testing|workflow)$':
      '<rootDir>/src/$1/index.ts',
    // A file of libphonenumber-js, which is called so.
    '^(\\.{1,2}/.*\\.json\\.js)$': '$1',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts', '!src/index.ts'],
};

export default config;

/** The configuration of one part, for its folder. */
export const configOfPart = (name) => ({
  ...config,
  rootDir: '../..',
  roots: [`<rootDir>/test/${name}`],
  testPathIgnorePatterns: [],
});
