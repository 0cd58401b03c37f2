import type { HookBatch, HookExecutor } from '../../execution/hook.executor.js';
import type { HookExecutionState } from '../../execution/hook-execution.js';
import { LedgerExecutions } from '../../execution/hook.ledger.js';
import { ManagedHookExecutions } from '../../execution/managed-hook.executions.js';
import { HookHarness, someTurns, type TestHook } from './hook.harness.js';

/** Log output of executors is not part of the contract. */
const SILENT = { error: (): void => undefined, warn: (): void => undefined };

/** An executor, batches with real hooks for it, and a record of the hooks' starts and ends. */
export class ExecutorStage extends HookHarness {
  readonly steps: string[] = [];
  /** The ledger of the executor, or of this process, and the operations on its executions. */
  readonly executions: ManagedHookExecutions;

  constructor(readonly executor: HookExecutor) {
    super(SILENT);
    const record = executor.executions(new LedgerExecutions(this.ledger));
    this.executions = new ManagedHookExecutions({ record, ledger: this.ledger, executor });
  }

  /** The ledger's records of a run's executions, by hook name. */
  async recordedStates({ id, tasks }: HookBatch): Promise<Record<string, HookExecutionState>> {
    const found = await this.executions.list({ runId: id, limit: Infinity });
    const states = new Map(found.map(({ hook, state }) => [hook, state]));
    return Object.fromEntries(
      tasks.map(({ execution: { hook, state } }) => [hook, states.get(hook) ?? state]),
    );
  }

  /** The same batch, of a run in this session. */
  inSession(batch: HookBatch, sessionId: string, userId?: string): HookBatch {
    const origin = { sessionId, isWithdrawn: false, ...(userId === undefined ? {} : { userId }) };
    const tasks = batch.tasks.map((task) => ({ ...task, origin }));
    return { ...batch, tasks };
  }

  /** The states and reasons of a run's executions in the ledger, in the order of the hooks. */
  async recordedEnds({ id, tasks }: HookBatch): Promise<string[]> {
    const found = await this.executions.list({ runId: id, limit: Infinity });
    return tasks.map(({ execution: { hook } }) => {
      const { state, reason } = found.find((execution) => execution.hook === hook) ?? {};
      return [hook, state, ...(reason === undefined ? [] : [reason])].join(' ');
    });
  }

  /** Starts the executor. */
  async start(): Promise<void> {
    await this.executor.start(this.host);
  }

  async accept(...batches: readonly HookBatch[]): Promise<void> {
    for (const batch of batches) await this.executor.accept(batch);
  }

  async acceptAndRelease(...batches: readonly HookBatch[]): Promise<void> {
    await this.accept(...batches);
    for (const batch of batches) this.executor.release(batch, true);
  }

  /** A hook that records its start and, some turns later or when the work is done, its end. */
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
