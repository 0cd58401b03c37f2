import { Subscription, type Observable } from 'rxjs';

import type { HookExecution } from '../execution/hook-execution.js';
import { toWireExecution } from '../protocol/hooks.js';
import { toChangesFrame } from '../protocol/streams.js';
import { isOf } from '../sessions/session.filter.js';
import type { SessionOwner } from '../sessions/session.store.js';
import { toWireListedRun, type ListedRun } from './listed.run.js';
import type { EventStream } from './runs/event.stream.js';

/** Milliseconds in which changes are collected before they are sent together. */
const COLLECTING_TIME = 250;
/** How many runs, and how many executions, are sent at a time. */
export const MOST_CHANGES = 500;

/** The sources of changes. */
export interface ChangeSources {
  /** Runs that start, settle or whose response closes. */
  readonly runs: readonly Observable<ListedRun>[];
  readonly executions: Observable<HookExecution>;
}

/**
 * Sends a client the runs and hook executions that change, a few times a second, each in its present state. A client
 * that reads slowly gets fewer and larger events; beyond a limit changes are only counted.
 */
export class ChangeStream {
  readonly #stream: EventStream;
  readonly #subscriptions = new Subscription();
  readonly #runs = new Map<string, ListedRun>();
  readonly #executions = new Map<string, HookExecution>();
  #omitted = 0;
  /** The client has not taken the last event yet. */
  #isSending = false;
  #isEnded = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param owner - the user whose runs the client may see; undefined for all */
  constructor(stream: EventStream, sources: ChangeSources, owner: SessionOwner | undefined) {
    this.#stream = stream;
    for (const runs of sources.runs)
      this.#subscriptions.add(
        runs.subscribe((run) => {
          if (isOf(run, owner)) this.#note(this.#runs, run.runId, run);
        }),
      );
    this.#subscriptions.add(
      sources.executions.subscribe((execution) => {
        if (isOf(execution, owner)) this.#note(this.#executions, execution.id, execution);
      }),
    );
    // The first event tells the client that all later changes will follow.
    void this.#send();
  }

  end(): void {
    this.#isEnded = true;
    this.#subscriptions.unsubscribe();
    clearTimeout(this.#timer);
    this.#stream.end();
  }

  #note<T>(changed: Map<string, T>, id: string, item: T): void {
    if (changed.size >= MOST_CHANGES && !changed.has(id)) this.#omitted += 1;
    else changed.set(id, item);
    if (!this.#isSending) this.#sendSoon();
  }

  #sendSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
    }, COLLECTING_TIME).unref();
  }

  async #send(): Promise<void> {
    const frame = toChangesFrame({
      runs: [...this.#runs.values()].map(toWireListedRun),
      executions: [...this.#executions.values()].map(toWireExecution),
      omitted: this.#omitted,
    });
    this.#runs.clear();
    this.#executions.clear();
    this.#omitted = 0;
    this.#isSending = true;
    await this.#stream.write(frame);
    this.#isSending = false;
    if (!this.#isEnded && this.#runs.size + this.#executions.size > 0) this.#sendSoon();
  }
}
