/**
 * Whether this is `npm run test:servers`. Specs that are called `*.places.spec.ts` run in it with PostgreSQL and Redis, and in
 * `npm test` with a folder, which needs no server.
 */
export const ON_SERVERS = process.env['TEST_ON_SERVERS'] !== undefined;
