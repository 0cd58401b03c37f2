import type { HookEndReason, HookExecution } from '../../execution/hook-execution.js';
import type { HookLedger } from '../../execution/hook.ledger.js';
import type { BoundHook } from '../../hooks/bound-hook.js';
import { now } from '../../model/clock.js';
import type { RunSnapshot } from '../../model/run-snapshot.js';
import type { HookSpans } from '../../telemetry/telemetry.js';
import type { RunView, StoppableRun } from '../run.view.js';

/** A run whose background hooks are collected. */
export interface CollectedRun extends RunView, Pick<StoppableRun, 'isShutDown'> {
  /** The run belongs to an attempt that failed and is repeated: nothing of the run counts. */
  readonly isDiscarded: boolean;
  readonly hookSpans: HookSpans | undefined;
  /** Copies of the settled run's data, made once; the error if it holds something that cannot be copied. */
  snapshot(): RunSnapshot | Error;
}

/** A background hook that a run has reached. */
export interface OutboxEntry {
  readonly hook: BoundHook;
  readonly run: CollectedRun;
  readonly execution: HookExecution;
}

/**
 * The background hooks of a run tree, in the order in which its runs reached them. No hook starts before the root
 * has settled, so a run that is rejected or repeated has no side effects.
 */
export class Outbox {
  readonly #ledger: HookLedger;
  #entries: OutboxEntry[] = [];
  readonly #collected: HookExecution[] = [];

  constructor(ledger: HookLedger) {
    this.#ledger = ledger;
  }

  /** The executions of all hooks that were collected so far. */
  get collected(): readonly HookExecution[] {
    return this.#collected;
  }

  /** Collects a hook that the run has reached. */
  collect(hook: BoundHook, run: CollectedRun): void {
    const execution = createExecution(hook, run, 'background');
    this.#ledger.schedule(execution);
    this.#entries.push({ hook, run, execution });
    this.#collected.push(execution);
  }

  /** Skips the hooks that discarded runs have collected. */
  removeDiscarded(): void {
    this.#remove(({ run }) => run.isDiscarded, 'skipped', 'outcome');
  }

  /** The application shuts down before these hooks' runs have settled. */
  drop(): void {
    this.#remove(() => true, 'dropped', 'shutdown');
  }

  /** Takes out the hooks of all settled runs; returns those that their run's outcome releases. */
  takeSettled(): readonly OutboxEntry[] {
    if (this.#entries.length === 0) return [];
    const settled = this.#entries.filter(({ run }) => run.outcome !== undefined);
    this.#entries = this.#entries.filter(({ run }) => run.outcome === undefined);
    return settled.filter((entry) => {
      // It was cancelled while its run went on.
      if (entry.execution.endedAt !== undefined) return false;
      if (entry.run.session.isDeleted) {
        this.#ledger.end(entry.execution, 'dropped', { reason: 'deleted' });
        return false;
      }
      if (isReleased(entry)) return true;
      if (entry.run.isShutDown) this.#ledger.end(entry.execution, 'dropped', { reason: 'shutdown' });
      else this.#ledger.end(entry.execution, 'skipped', { reason: 'outcome' });
      return false;
    });
  }

  #remove(
    isRemoved: (entry: OutboxEntry) => boolean,
    state: 'skipped' | 'dropped',
    reason: HookEndReason,
  ): void {
    const removed = this.#entries.filter(isRemoved);
    this.#entries = this.#entries.filter((entry) => !isRemoved(entry));
    for (const { execution } of removed) this.#ledger.end(execution, state, { reason });
  }
}

/** A new record of a hook execution, not yet in the ledger. */
export function createExecution(hook: BoundHook, run: RunView, mode: HookExecution['mode']): HookExecution {
  const { name } = hook.definition;
  return {
    id: `${run.runId}:${hook.phase}:${name}`,
    hook: name,
    phase: hook.phase,
    mode,
    component: run.identity,
    position: run.position,
    attachedBy: hook.attachedBy,
    runId: run.runId,
    ...(run.userId === undefined ? {} : { userId: run.userId }),
    state: 'scheduled',
    attempts: 0,
    scheduledAt: now(),
  };
}

function isReleased({ hook, run }: OutboxEntry): boolean {
  const { on } = hook.definition;
  return run.outcome !== undefined && (on ? on.includes(run.outcome) : run.outcome === 'completed');
}
