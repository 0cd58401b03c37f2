import { describe, expect, it } from '@jest/globals';
import type { HookExecutor } from 'nestjs-agentos/executor';
import type { EvalStore } from 'nestjs-agentos/stores';
import { InMemoryEvalStore, InMemorySessionStore } from 'nestjs-agentos';
import type { HookBatch } from 'nestjs-agentos/executor';
import type { Evaluation } from 'nestjs-agentos/stores';
import {
  evalStoreContract,
  failingStore,
  hookExecutorContract,
  sessionStoreContract,
  type ContractCase,
} from 'nestjs-agentos/testing';

import { InProcessHookExecutor } from '../../src/execution/in-process-hook.executor.js';

/** What becomes of the case with this name. */
async function outcomeOf(contract: readonly ContractCase[], name: string): Promise<string> {
  const found = contract.find((each) => each.name.startsWith(name));
  if (!found) throw new Error(`No case ${name}`);
  return found.run().then(
    () => 'kept',
    (error: Error) => error.message,
  );
}

class HastyExecutor extends InProcessHookExecutor {
  constructor(concurrency = 10) {
    super({ concurrency, maxPending: 1_000, onOverflow: () => undefined });
  }

  override accept(batch: HookBatch): Promise<void> | undefined {
    const accepting = super.accept(batch);
    this.release(batch, true);
    return accepting;
  }
}

class ForgetfulExecutor extends HastyExecutor {
  override stop(): Promise<[]> {
    return Promise.resolve([]);
  }
}

class SharingEvalStore extends InMemoryEvalStore {
  override async find(id: string): Promise<Evaluation | undefined> {
    const found = await super.find(id);
    return found && { ...found, name: 'another name' };
  }
}

describe('The contracts of the test kit', () => {
  it('have names that are full sentences, each once, and times', () => {
    const contracts = [
      hookExecutorContract(() => new HastyExecutor()),
      sessionStoreContract(() => new InMemorySessionStore()),
      evalStoreContract(() => new InMemoryEvalStore()),
    ];
    for (const contract of contracts) {
      const names = contract.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(contract.filter(({ timeout }) => !(timeout > 0))).toEqual([]);
    }
    expect(contracts.map(({ length }) => length >= 9)).toEqual([true, true, true]);
  });

  it('find an executor that does not wait for a response', async () => {
    const contract = hookExecutorContract(() => new HastyExecutor());

    expect(await outcomeOf(contract, 'An executor starts a batch only after its release')).toContain(
      'equal data',
    );
  });

  it('find an executor that runs too many batches at once, or drops nothing at shutdown', async () => {
    const contract = hookExecutorContract(() => new ForgetfulExecutor());

    expect(await outcomeOf(contract, 'An executor runs no more batches at once')).toContain(
      'Got: [ 5, 0, 10 ]',
    );
    expect(await outcomeOf(contract, 'stop() drops hooks that it could not run')).toContain('equal data');
  });

  it('find a store of sessions that loses appended runs', async () => {
    const { store } = failingStore(new InMemorySessionStore(), { append: new Error('lost') });
    const contract = sessionStoreContract(() => store);

    expect(await outcomeOf(contract, 'Runs come back whole')).toBe('lost');
    expect(await outcomeOf(contract, 'Sessions do not exist')).toBe('kept');
  });

  it('find a store of evaluations that changes stored data', async () => {
    const contract = evalStoreContract((): EvalStore => new SharingEvalStore());

    expect(await outcomeOf(contract, 'Evaluations are found, renamed and deleted')).toContain('equal data');
    expect(await outcomeOf(contract, 'Evaluations are counted, sorted and paged')).toBe('kept');
  });

  it('create a store once, and an executor for each case, which is stopped whatever the result', async () => {
    const created: string[] = [];
    const stopped: HookExecutor[] = [];
    class WatchedExecutor extends HastyExecutor {
      override async stop(...given: Parameters<HookExecutor['stop']>): ReturnType<HookExecutor['stop']> {
        stopped.push(this);
        return super.stop(...given);
      }
    }
    const store = evalStoreContract(() => {
      created.push('store');
      return new InMemoryEvalStore();
    });
    const executor = hookExecutorContract(({ concurrency }) => {
      created.push(`executor ${concurrency}`);
      return new WatchedExecutor(concurrency);
    });
    for (const { run } of store.slice(0, 3)) await run();
    await outcomeOf(executor, 'An executor starts a batch');
    await outcomeOf(executor, 'An executor runs no more batches');

    expect(created).toEqual(['store', 'executor 10', 'executor 2']);
    expect(stopped).toHaveLength(2);
  });
});
