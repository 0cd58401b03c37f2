import { now } from '../model/clock.js';
import type { RunActivity } from '../model/run-activity.js';
import type { RunEventBody } from '../model/run-event.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** How many activities of a run are remembered; a loop may have any number of them. */
export const MOST_ACTIVITIES = 200;

/** The activities of a run, in the order of their start: its attempts, and the work that its events announce. */
export class ActivityLog {
  readonly #activities: RunActivity[] = [];
  #attempt: Writable<RunActivity> | undefined;
  /** The work of the attempt that has not ended, by kind and id. */
  #open: Map<string, Writable<RunActivity>> | undefined;

  get all(): readonly RunActivity[] {
    return this.#activities;
  }

  /** The component begins to do its work, perhaps again. */
  startAttempt(): void {
    this.#attempt = this.#add({ kind: 'attempt', startedAt: now() });
  }

  /** The attempt has ended, and with it all that it has begun. */
  endAttempt(hasFailed: boolean): void {
    if (this.#attempt) end(this.#attempt, hasFailed);
    if (!this.#open) return;
    for (const activity of this.#open.values()) end(activity, hasFailed);
    this.#open.clear();
  }

  /** Notes the beginning or end of the work that an event announces. */
  note(event: RunEventBody): void {
    switch (event.type) {
      case 'model-request-started':
        return this.#start('model-request', '', event.model?.id);
      case 'model-request-completed':
        return this.#end('model-request', '');
      case 'tool-call-started':
        return this.#start('tool-call', event.tool.id, event.tool.name);
      case 'tool-call-completed':
        return this.#end('tool-call', event.tool.id);
      case 'tool-call-failed':
        return this.#end('tool-call', event.tool.id, true);
      case 'step-started':
      case 'block-started':
        return this.#start('step', event.stepId, event.stepName);
      case 'step-completed':
      case 'block-completed':
        return this.#end('step', event.stepId);
      default:
        return undefined;
    }
  }

  #start(kind: RunActivity['kind'], id: string, name?: string): void {
    const activity = this.#add({ kind, startedAt: now(), ...(name === undefined ? {} : { name }) });
    if (activity) (this.#open ??= new Map()).set(kind + id, activity);
  }

  #end(kind: RunActivity['kind'], id: string, hasFailed = false): void {
    const activity = this.#open?.get(kind + id);
    if (!activity) return;
    this.#open?.delete(kind + id);
    end(activity, hasFailed);
  }

  #add(activity: RunActivity): RunActivity | undefined {
    if (this.#activities.length >= MOST_ACTIVITIES) return undefined;
    this.#activities.push(activity);
    return activity;
  }
}

function end(activity: Writable<RunActivity>, hasFailed: boolean): void {
  activity.endedAt = now();
  if (hasFailed) activity.hasFailed = true;
}
