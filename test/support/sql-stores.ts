import { inspect } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SqlEvalStore, SqlSessionStore } from 'nestjs-agentos/sql';
import { evalStoreContract, sessionStoreContract } from 'nestjs-agentos/testing';

import { describeContract } from './contracts.js';
import { anyPlainData } from './plain-data.js';

/** Stores to be tested. */
export interface StoresUnderTest {
  readonly sessions: SqlSessionStore;
  readonly evals: SqlEvalStore;
  readonly close: () => Promise<void>;
}

/** Tests the contracts of the stores on a database. Some machines need more than seconds to start one. */
export function describeSqlStores(name: string, create: () => Promise<StoresUnderTest>): void {
  describe(name, () => {
    let stores: StoresUnderTest;
    beforeAll(async () => {
      stores = await create();
    }, 60_000);
    afterAll(() => stores.close(), 60_000);

    describeContract(
      'stores',
      sessionStoreContract(() => stores.sessions),
      evalStoreContract(() => stores.evals),
    );

    it('return any plain data unchanged', async () => {
      const id = 'any-plain-data';
      const state = { all: fc.sample(anyPlainData, { numRuns: 300, seed: 1 }) };
      await stores.sessions.create({ id, state });

      const found = await stores.sessions.open(id);

      const shown = (value: unknown): string => inspect(value, { depth: Infinity, maxArrayLength: Infinity });
      expect(shown(found?.state)).toBe(shown(state));
    });
  });
}
