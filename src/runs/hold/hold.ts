import type { RunEvent } from '../../model/run-event.js';
import { tokensOf } from '../../model/run-usage.js';
import type { SessionOwner } from '../../sessions/session.store.js';

/** Characters of content that may be held for a guardrail. */
const LIMIT = 8 * 1024 * 1024;

/** A stored run or an evaluation that clients could read, held for the output guardrails of a run. */
export interface HeldRecord {
  /** The run that the record is about. */
  readonly runId: string;
  /**
   * The guardrails have refused or changed the answer that the record belongs to, or have not seen it: from now on
   * the record is stored without the texts of the run.
   *
   * @param owner - of the session of the run that has the guardrails
   */
  refuse(owner: SessionOwner | undefined): void;
  /** Stores the record: whole, or without texts if it was refused. Never rejects. */
  keep(): Promise<void>;
}

/** The options of {@link Hold}. */
export interface HoldOptions {
  /** The run that has the guardrails. */
  readonly runId: string;
  /** The owner of that run's session. */
  readonly owner: SessionOwner | undefined;
  /** The hold of the next run above that has output guardrails, if there is one. */
  readonly outer: Hold | undefined;
}

/**
 * Data held for the output guardrails of a run: the events, records and evaluations of the run and of the runs below
 * it (decision 0013). All of it waits until the guardrails have passed or refused the answer. Passed data goes on to
 * the next hold above, if there is one.
 */
export class Hold {
  readonly runId: string;
  readonly owner: SessionOwner | undefined;
  readonly #outer: Hold | undefined;
  readonly #records: HeldRecord[] = [];
  #events: RunEvent[] = [];
  #characters = 0;
  #holdsEvents = true;
  #isSettled = false;

  constructor({ runId, owner, outer }: HoldOptions) {
    this.runId = runId;
    this.owner = owner;
    this.#outer = outer;
  }

  /**
   * Holds an event if it shows content, or if an earlier one is held: a later event must not overtake it.
   *
   * @returns false if the event may be seen at once
   * @throws Error if more content would be held than memory should be spent on
   */
  holdEvent(event: RunEvent): boolean {
    if (!this.#holdsEvents) return false;
    if (this.#events.length === 0 && !showsContent(event, this.runId)) return false;
    this.#characters += sizeOf(event);
    if (this.#characters > LIMIT) {
      throw new Error(
        `More than ${LIMIT} characters are held for the output guardrails of run ${this.runId}. ` +
          "Shorten the answer, or let the guardrail stream: @Guardrail({ stream: 'pass' }).",
      );
    }
    const last = this.#events.at(-1);
    if (last && isText(last) && isText(event) && last.type === event.type && last.runId === event.runId) {
      this.#events[this.#events.length - 1] = { ...last, content: last.content + event.content };
    } else {
      this.#events.push(event);
    }
    return true;
  }

  /** The guardrails have passed: from now on no event is held. Returns the events that were. */
  passEvents(): readonly RunEvent[] {
    return this.#release();
  }

  /**
   * The guardrails have refused or changed the answer: from now on no event is held.
   *
   * @returns the held events of the run that do not show its answer: its hooks began and ended, its model was asked
   */
  refuseEvents(): readonly RunEvent[] {
    return this.#release()
      .filter((event) => event.runId === this.runId)
      .flatMap(withoutAnswer);
  }

  /**
   * Drops held events of these runs that show content: the attempt that they belong to is repeated, or its answer
   * was replaced.
   *
   * @returns whether there were any
   */
  forgetEvents(runIds: ReadonlySet<string>): boolean {
    const kept = this.#events.filter(
      (event) => !(runIds.has(event.runId) && showsContent(event, this.runId)),
    );
    if (kept.length === this.#events.length) return false;
    this.#events = kept;
    this.#characters = kept.reduce((sum, event) => sum + sizeOf(event), 0);
    return true;
  }

  /**
   * Holds a record until the run settles. A record of a run below that comes later is refused: the guardrails have not
   * seen it.
   */
  async take(record: HeldRecord): Promise<void> {
    if (!this.#isSettled) {
      this.#records.push(record);
      return;
    }
    if (record.runId !== this.runId) record.refuse(this.owner);
    await this.#passOn(record);
  }

  /**
   * The run has settled: its records go to the next hold above, or are stored.
   *
   * @param hasPassed - the guardrails have passed the answer as it was; otherwise records of the runs below are refused
   */
  async settle(hasPassed: boolean): Promise<void> {
    this.#isSettled = true;
    for (const record of this.#records.splice(0)) {
      if (!hasPassed && record.runId !== this.runId) record.refuse(this.owner);
      await this.#passOn(record);
    }
  }

  async #passOn(record: HeldRecord): Promise<void> {
    if (this.#outer) await this.#outer.take(record);
    else await record.keep();
  }

  #release(): readonly RunEvent[] {
    const events = this.#events;
    this.#events = [];
    this.#holdsEvents = false;
    return events;
  }
}

/** A list of allowed event types: an event of any other type may quote the answer. */
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
 * Whether an event shows text of a run or a tool.
 *
 * @param ownRunId - the run whose guardrails are asked. Its own error is a text for clients; the error of a run below
 *   it may be quoted in the answer, so it is held like one
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
    case 'run-reasoning':
    case 'run-source':
    case 'run-file':
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

type TextEvent = Extract<RunEvent, { readonly type: 'run-content' | 'run-reasoning' }>;

function isText(event: RunEvent): event is TextEvent {
  return event.type === 'run-content' || event.type === 'run-reasoning';
}

function sizeOf(event: RunEvent): number {
  if (isText(event)) return event.content.length;
  if (event.type === 'run-file') return event.file.content?.length ?? 1;
  return event.type === 'run-source' ? (event.source.excerpt?.length ?? 1) : 1;
}
