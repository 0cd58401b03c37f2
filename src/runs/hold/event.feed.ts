import {
  isAnswerPiece,
  type AnswerPiece,
  type RunEvent,
  type RunEventBase,
  type RunEventBody,
} from '../../model/run-event.js';
import type { Cancellation } from '../cancellation.js';
import { showsContent, type Hold } from './hold.js';
import { nowInSeconds } from '../../model/clock.js';

/** Takes the events of a run; resolves when it can take more. */
export type RunEventSink = (event: RunEvent) => Promise<void> | undefined;

/** The options of {@link EventFeed}. */
export interface EventFeedOptions {
  /** The fields that all events of the run have. */
  readonly base: Omit<RunEventBase, 'createdAt'>;
  /** A reader of this run alone. */
  readonly sink: RunEventSink | undefined;
  /** The feed of the run above, whose readers see this run too. */
  readonly above: EventFeed | undefined;
  /** Of the run's own output guardrails. */
  readonly hold: Hold | undefined;
  /** The run, or one above it, has output guardrails. */
  readonly isHeld: boolean;
  readonly cancellation: Cancellation;
}

/** Delivers a run's events to its reader and to the run above, unless the run's guardrails hold them. */
export class EventFeed {
  readonly #options: EventFeedOptions;
  /** The events that were delivered, of this run and of those below it, without pieces of answers. */
  #shown: RunEvent[] = [];
  /** The held events of a refused run that readers may see. */
  #left: readonly RunEvent[] = [];
  #takesParts = true;
  /** Events that the reader has not taken yet. */
  #unread = 0;

  constructor(options: EventFeedOptions) {
    this.#options = options;
  }

  /** The events that were delivered so far, without pieces of answers. */
  get shown(): readonly RunEvent[] {
    return this.#shown;
  }

  /** Whether the events have a reader. */
  get isObserved(): boolean {
    const { sink, above } = this.#options;
    return sink !== undefined || (above?.isObserved ?? false);
  }

  /** Whether the run waits for its reader. */
  get isReaderFull(): boolean {
    return this.#unread > 0;
  }

  /** Delivers an event of this run. */
  emit(body: RunEventBody): Promise<void> | undefined {
    const event = this.describe(body);
    return event && this.#take(event);
  }

  /** The event as readers get it; undefined if there are none. */
  describe(body: RunEventBody): RunEvent | undefined {
    if (!this.isObserved) return undefined;
    return { createdAt: nowInSeconds(), ...this.#options.base, ...body };
  }

  /** Ignores later events of the runs below: the run does not wait for them, and guardrails do not see them. */
  ignoreParts(): void {
    this.#takesParts = false;
  }

  /**
   * Drops the events of these runs that show content and are still held, here or in a run above.
   *
   * @returns whether there were any
   */
  forget(runIds: ReadonlySet<string>): boolean {
    const { hold, above, isHeld, base } = this.#options;
    const wasHeld = hold?.forgetEvents(runIds) ?? false;
    // If a run above holds a delivered event, no reader has got it.
    if (isHeld) {
      this.#shown = this.#shown.filter(
        (event) => !(runIds.has(event.runId) && showsContent(event, base.runId)),
      );
    }
    const wasHeldAbove = above?.forget(runIds) ?? false;
    return wasHeld || wasHeldAbove;
  }

  /**
   * The post-hooks have passed: delivers the held events.
   *
   * @param replacement - the pieces of the answer that post-hooks have made of the held one; undefined if they left it
   *   as it was
   * @param runIds - the run and all runs below it: their held events may quote the answer that was replaced
   */
  pass(
    replacement: readonly AnswerPiece[] | undefined,
    runIds: () => ReadonlySet<string>,
  ): Promise<void> | undefined {
    const { hold } = this.#options;
    return hold === undefined && replacement === undefined ? undefined : this.#pass(replacement, runIds);
  }

  async #pass(
    replacement: readonly AnswerPiece[] | undefined,
    runIds: () => ReadonlySet<string>,
  ): Promise<void> {
    const { hold } = this.#options;
    const isReplaced = replacement !== undefined && this.forget(runIds());
    const events = isReplaced ? hold?.refuseEvents() : hold?.passEvents();
    if (isReplaced) for (const piece of replacement) await this.emit(piece);
    for (const event of events ?? []) await this.#show(event);
  }

  /** The run did not complete: drops the held events, except those that do not show the answer. */
  refuse(runIds: ReadonlySet<string>): void {
    this.forget(runIds);
    this.#left = this.#options.hold?.refuseEvents() ?? [];
    this.#shown.push(...this.#left);
    this.#takesParts = false;
  }

  /** Delivers the run's last event, after those that {@link refuse} has left. */
  async end(last: RunEvent): Promise<void> {
    for (const event of this.#left) await this.#deliver(event);
    await this.#take(last);
  }

  #take(event: RunEvent): Promise<void> | undefined {
    if (this.#options.hold?.holdEvent(event)) return undefined;
    return this.#show(event);
  }

  /** An event of a run below. */
  #takePart(event: RunEvent): Promise<void> | undefined {
    return this.#takesParts || !this.#options.isHeld ? this.#take(event) : undefined;
  }

  #show(event: RunEvent): Promise<void> | undefined {
    if (!isAnswerPiece(event)) this.#shown.push(event);
    return this.#deliver(event);
  }

  /** Delivers to the reader of the root, and to the reader of a run that is streamed separately inside another run. */
  #deliver(event: RunEvent): Promise<void> | undefined {
    const { sink, above, cancellation } = this.#options;
    const taken = above && above.#takePart(event);
    const isTaken = sink === undefined ? taken : taken ? taken.then(() => sink(event)) : sink(event);
    // A cancelled run does not wait for its reader: it might never settle, and shutdown might never end.
    return isTaken && this.#waitForReader(isTaken, cancellation);
  }

  async #waitForReader(taken: Promise<void>, cancellation: Cancellation): Promise<void> {
    this.#unread += 1;
    try {
      await cancellation.settled(taken);
    } finally {
      this.#unread -= 1;
    }
  }
}
