import { describe, it } from '@jest/globals';
import type { ContractCase } from 'nestjs-agentos/testing';

/** Runs the cases of contracts. */
export function describeContract(name: string, ...contracts: readonly (readonly ContractCase[])[]): void {
  describe(name, () => {
    for (const { name: promise, run, timeout } of contracts.flat()) it(promise, run, timeout);
  });
}
