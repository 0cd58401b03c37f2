import { configOfPart } from '../../jest.config.js';

/**
 * The specs of this folder, and those of `test/e2e` that are called `*.places.spec.ts`, with a PostgreSQL server that is
 * started once for all of them.
 */
export default {
  ...configOfPart('servers'),
  roots: ['<rootDir>/test/servers', '<rootDir>/test/e2e'],
  testMatch: ['<rootDir>/test/servers/**/*.spec.ts', '<rootDir>/test/e2e/**/*.places.spec.ts'],
  globalSetup: '<rootDir>/test/servers/start-servers.js',
  globalTeardown: '<rootDir>/test/servers/stop-servers.js',
};
