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

  write(execution: HookExecution): void {
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

/** The latest executions that have ended. */
export class EndedExecutions {
  readonly #records: LatestRecords<EndedExecution>;

  /** @param capacity - how many are remembered */
  constructor(capacity: number) {
    this.#records = new LatestRecords(capacity, () => new EndedExecution());
  }

  add(execution: HookExecution): void {
    this.#records.next()?.write(execution);
  }

  /** @returns whether the execution was there */
  remove({ id }: HookExecution): boolean {
    for (const record of this.#records.newestFirst())
      if (record.id === id) return this.#records.remove(record);
    return false;
  }

  /** Copies, the newest first. */
  *newestFirst(): Generator<HookExecution> {
    for (const record of this.#records.newestFirst()) yield record.read();
  }
}
