import type { ComponentIdentity } from '../model/component-identity.js';
import type {
  HookEndReason,
  HookExecution,
  HookExecutionState,
  HookMode,
  HookPhase,
  HookPosition,
} from './hook-execution.js';
import { LatestRecords } from './latest.records.js';

/** An execution that has ended. Times are epoch milliseconds; `NaN` if it never started. */
class EndedExecution {
  #order = 0;
  #id = '';
  #hook = '';
  #phase: HookPhase = 'post';
  #mode: HookMode = 'background';
  #component: ComponentIdentity | undefined;
  #position: HookPosition = 'root';
  #attachedBy: HookExecution['attachedBy'] = 'component';
  #runId = '';
  #userId: string | undefined;
  #state: HookExecutionState = 'scheduled';
  #isVolatile = false;
  #reason: HookEndReason | undefined;
  #attempts = 0;
  #errorName: string | undefined;
  #scheduledAt = NaN;
  #startedAt = NaN;
  #endedAt = NaN;

  get id(): string {
    return this.#id;
  }

  /** Its place among the executions in the order in which they have ended. */
  get order(): number {
    return this.#order;
  }

  write(execution: HookExecution, order: number): void {
    this.#order = order;
    this.#id = execution.id;
    this.#hook = execution.hook;
    this.#phase = execution.phase;
    this.#mode = execution.mode;
    this.#component = execution.component;
    this.#position = execution.position;
    this.#attachedBy = execution.attachedBy;
    this.#runId = execution.runId;
    this.#userId = execution.userId;
    this.#state = execution.state;
    this.#isVolatile = execution.isVolatile ?? false;
    this.#reason = execution.reason;
    this.#attempts = execution.attempts;
    this.#errorName = execution.errorName;
    this.#scheduledAt = execution.scheduledAt;
    this.#startedAt = execution.startedAt ?? NaN;
    this.#endedAt = execution.endedAt ?? NaN;
  }

  read(): HookExecution {
    return {
      id: this.#id,
      hook: this.#hook,
      phase: this.#phase,
      mode: this.#mode,
      component: this.#component as ComponentIdentity,
      position: this.#position,
      attachedBy: this.#attachedBy,
      runId: this.#runId,
      ...(this.#userId === undefined ? {} : { userId: this.#userId }),
      state: this.#state,
      ...(this.#isVolatile ? { isVolatile: true } : {}),
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      attempts: this.#attempts,
      ...(this.#errorName === undefined ? {} : { errorName: this.#errorName }),
      scheduledAt: this.#scheduledAt,
      ...(Number.isNaN(this.#startedAt) ? {} : { startedAt: this.#startedAt }),
      endedAt: this.#endedAt,
    };
  }
}

/** The latest executions that have failed or timed out, and the latest others: a failure outlives many that succeed later. */
export class EndedExecutions {
  readonly #failures: LatestRecords<EndedExecution>;
  readonly #others: LatestRecords<EndedExecution>;
  #added = 0;

  /** @param capacity - how many of each kind are remembered */
  constructor(capacity: number) {
    this.#failures = new LatestRecords(capacity, () => new EndedExecution());
    this.#others = new LatestRecords(capacity, () => new EndedExecution());
  }

  add(execution: HookExecution): void {
    this.#recordsOf(execution).next()?.write(execution, ++this.#added);
  }

  /** @returns whether the execution, which has not changed since it ended, was there */
  remove(execution: HookExecution): boolean {
    const records = this.#recordsOf(execution);
    for (const record of records.newestFirst()) if (record.id === execution.id) return records.remove(record);
    return false;
  }

  /** Copies, the newest first. */
  *newestFirst(): Generator<HookExecution> {
    const [failures, others] = [this.#failures.newestFirst(), this.#others.newestFirst()];
    let [failure, other] = [failures.next().value, others.next().value];
    while (failure ?? other) {
      if (failure && (!other || failure.order > other.order)) {
        yield failure.read();
        failure = failures.next().value;
      } else if (other) {
        yield other.read();
        other = others.next().value;
      }
    }
  }

  #recordsOf({ state }: HookExecution): LatestRecords<EndedExecution> {
    return state === 'failed' || state === 'timed_out' ? this.#failures : this.#others;
  }
}
