import type { RunEvent } from '../model/run-event.js';
import { tokensOf } from '../model/run-usage.js';

/** Characters of content that may wait for a guardrail. */
const LIMIT = 8 * 1024 * 1024;

/** The events of a run that must not be seen before its output guardrails have passed. */
export class HeldEvents {
  readonly #runId: string;
  #events: RunEvent[] = [];
  #characters = 0;

  /** @param runId - of the run that has the guardrails */
  constructor(runId: string) {
    this.#runId = runId;
  }

  get events(): readonly RunEvent[] {
    return this.#events;
  }

  /** What may be seen of this run though its answer may not: which hooks were called, and what models have used. */
  get harmless(): readonly RunEvent[] {
    return this.#events.filter((event) => event.runId === this.#runId).flatMap(withoutAnswer);
  }

  /**
   * Keeps an event if it, or one before it, shows content: what comes later must not overtake.
   *
   * @returns false if the event may be seen at once
   * @throws Error if more content would be held than memory should be spent on
   */
  keep(event: RunEvent): boolean {
    if (this.#events.length === 0 && !showsContent(event, this.#runId)) return false;
    this.#characters += sizeOf(event);
    if (this.#characters > LIMIT) {
      throw new Error(
        `More than ${LIMIT} characters wait for the output guardrail of run ${event.runId}. ` +
          "Shorten the answer, or let the guardrail stream: @Guardrail({ stream: 'pass' }).",
      );
    }
    const last = this.#events.at(-1);
    if (event.type === 'run-content' && last?.type === 'run-content' && last.runId === event.runId) {
      this.#events[this.#events.length - 1] = { ...last, content: last.content + event.content };
    } else {
      this.#events.push(event);
    }
    return true;
  }

  /**
   * Drops what these runs have shown: it does not count any more.
   *
   * @returns whether there was anything
   */
  forget(runIds: ReadonlySet<string>): boolean {
    const kept = this.#events.filter(
      (event) => !(runIds.has(event.runId) && showsContent(event, this.#runId)),
    );
    if (kept.length === this.#events.length) return false;
    this.#events = kept;
    this.#characters = kept.reduce((sum, event) => sum + sizeOf(event), 0);
    return true;
  }
}

/** A list of what is allowed: nobody has looked at an event that is not in it. */
function withoutAnswer(event: RunEvent): readonly RunEvent[] {
  switch (event.type) {
    case 'post-hook-started':
    case 'post-hook-completed':
    case 'model-request-started':
      return [event];
    case 'model-request-completed':
      return [{ ...event, metrics: tokensOf(event.metrics) }];
    default:
      return [];
  }
}

/**
 * Whether an event shows what a run or a tool has said.
 *
 * @param ownRunId - of the run whose guardrails are asked: its own error is all that its readers get, but that of one
 *   below it, it may quote like an answer
 */
export function showsContent({ type, runId }: RunEvent, ownRunId: string): boolean {
  switch (type) {
    case 'run-error':
      return runId !== ownRunId;
    case 'run-started':
    case 'run-content-completed':
    case 'pre-hook-started':
    case 'pre-hook-completed':
    case 'post-hook-started':
    case 'post-hook-completed':
    case 'model-request-started':
    case 'model-request-completed':
    case 'step-started':
    case 'block-started':
    case 'loop-iteration-started':
      return false;
    case 'run-content':
    case 'run-completed':
    case 'run-cancelled':
    case 'tool-call-started':
    case 'tool-call-completed':
    case 'tool-call-failed':
    case 'step-completed':
    case 'block-completed':
    case 'loop-iteration-completed':
      return true;
    default:
      return type satisfies never;
  }
}

function sizeOf(event: RunEvent): number {
  return event.type === 'run-content' ? event.content.length : 1;
}
