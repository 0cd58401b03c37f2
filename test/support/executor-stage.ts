import type { HookBatch, HookExecutor } from 'nestjs-agentos';

import { HookHarness, type TestHook } from './hook-harness.js';
import { someTurns } from './turns.js';

/** An executor, batches with real hooks for it, and a record of what they did. */
export class ExecutorStage extends HookHarness {
  readonly steps: string[] = [];

  constructor(readonly executor: HookExecutor) {
    super();
  }

  /** Lets the executor begin. */
  async start(): Promise<this> {
    await this.executor.start(this.host);
    return this;
  }

  async accept(...batches: readonly HookBatch[]): Promise<void> {
    for (const batch of batches) await this.executor.accept(batch);
  }

  async acceptAndRelease(...batches: readonly HookBatch[]): Promise<void> {
    await this.accept(...batches);
    for (const batch of batches) this.executor.release(batch, true);
  }

  /** Records its start and, some turns later or when the work is done, its end. */
  recorded(hook: string, work: () => Promise<unknown> = someTurns): TestHook {
    return async () => {
      this.steps.push(`${hook} starts`);
      await work();
      this.steps.push(`${hook} ends`);
    };
  }

  step(step: string): () => void {
    return () => void this.steps.push(step);
  }
}
