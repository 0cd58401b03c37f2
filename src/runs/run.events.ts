import type { RunEvent, RunEventBase, RunEventBody } from '../model/run-event.js';
import type { ActiveRun } from './active-run.js';
import { HeldEvents, showsContent } from './held-events.js';

/** Takes the events of a run; resolves when it can take more. */
export type RunEventSink = (event: RunEvent) => Promise<void> | undefined;

/** The way of a run's events to whoever reads them: past its guardrails, and through the run above it. */
export class RunEvents {
  /** What has been shown of this run and those below it, without pieces of content. */
  shown: RunEvent[] = [];
  readonly #run: ActiveRun;
  readonly #ownSink: RunEventSink | undefined;
  readonly #sink: RunEventSink | undefined;
  #held: HeldEvents | undefined;
  /** What may be seen of what was held, though the run did not pass. */
  #left: readonly RunEvent[] = [];
  #hasFailed = false;
  /** Events that the reader has not taken yet. */
  #unread = 0;

  /** @param sink - a reader of this run alone; what goes up to the run above it goes there besides */
  constructor(run: ActiveRun, sink: RunEventSink | undefined) {
    this.#run = run;
    this.#ownSink = sink;
    this.#sink = this.#above ? passTo(this.#above, sink) : sink;
    this.#held = run.hooks.holdsStream ? new HeldEvents(run.runId) : undefined;
  }

  /** Whether anybody reads the events of this run. */
  get isObserved(): boolean {
    return this.#ownSink !== undefined || (this.#above?.isObserved ?? false);
  }

  /** Whether the run waits for its reader. */
  get isReaderFull(): boolean {
    return this.#unread > 0;
  }

  /** Says what happened in this run. */
  emit(body: RunEventBody): Promise<void> | undefined {
    this.#run.markShown();
    const event = this.describe(body);
    return event && this.pass(event);
  }

  /** What happened in this run, as others read it; undefined if nobody does. */
  describe(body: RunEventBody): RunEvent | undefined {
    return this.isObserved ? { ...eventBaseOf(this.#run), ...body } : undefined;
  }

  /** Hands on an event of this run or of one below it, unless it must wait for a guardrail. */
  pass(event: RunEvent): Promise<void> | undefined {
    if (event.runId !== this.#run.runId && this.#isClosed) return undefined;
    if (this.#held?.keep(event)) return undefined;
    return this.#show(event);
  }

  #show(event: RunEvent): Promise<void> | undefined {
    if (event.type !== 'run-content') this.shown.push(event);
    return this.#deliver(event);
  }

  #deliver(event: RunEvent): Promise<void> | undefined {
    const taken = this.#sink?.(event);
    // A run that is aborted waits for no reader: it would never settle, and shutdown never end.
    return taken && this.#waitForReader(taken);
  }

  async #waitForReader(taken: Promise<void>): Promise<void> {
    this.#unread += 1;
    try {
      await this.#run.cancellation.settled(taken);
    } finally {
      this.#unread -= 1;
    }
  }

  /**
   * The run has done its work, and guardrails of it or of a run above are to look at that. What members have said that
   * it has not waited for is no part of it.
   */
  leaveLateBehind(): void {
    if (!this.#run.isHeld) return;
    const late = this.#run.children.filter(({ outcome, isOfHook }) => outcome === undefined && !isOfHook);
    const withdrawn = late.flatMap((child) => [child, ...child.descendants()]);
    for (const child of withdrawn) child.withdraw(this.#run);
    this.#forget(new Set(withdrawn.map(({ runId }) => runId)));
  }

  /** The post-hooks have passed: what was held goes on, or what they have made of it. */
  async releaseHeld(): Promise<void> {
    const { isEdited, output } = this.#run;
    // What was held is not what passed; members' events may quote it too.
    const wasWithdrawn = isEdited && this.withdrawShown();
    const held = this.#held;
    this.#held = undefined;
    if (wasWithdrawn) await this.emit({ type: 'run-content', content: output.content });
    const events = wasWithdrawn ? held?.harmless : held?.events;
    for (const event of events ?? []) await this.#show(event);
  }

  /** The run did not pass: nobody will see what was held, but for what shows nothing of the answer. */
  discardHeld(): void {
    this.withdrawShown();
    this.#left = this.#held?.harmless ?? [];
    this.shown.push(...this.#left);
    this.#held = undefined;
    this.#hasFailed = true;
  }

  /** Says how the run has ended; before that, what has begun before anything was held comes to its end. */
  async end(last: RunEvent): Promise<void> {
    for (const event of this.#left) await this.#deliver(event);
    await this.pass(last);
  }

  /**
   * What this run and those below it have shown does not count any more: where it waits for a guardrail, of this run
   * or of one above it, nobody will see it.
   *
   * @returns whether anything was waiting
   */
  withdrawShown(): boolean {
    const runs = [this.#run, ...this.#run.descendants()];
    return this.#forget(new Set(runs.map(({ runId }) => runId)));
  }

  #forget(runIds: ReadonlySet<string>): boolean {
    const wasWaiting = this.#held?.forget(runIds) ?? false;
    // What was shown to a run above that holds it was shown to nobody.
    if (this.#run.isHeld)
      this.shown = this.shown.filter(
        (event) => !(runIds.has(event.runId) && showsContent(event, this.#run.runId)),
      );
    const above = this.#run.parent?.events;
    const wasWaitingAbove = above ? above.#forget(runIds) : false;
    return wasWaiting || wasWaitingAbove;
  }

  /** The run has done its work: what a member says now, that nobody waited for, no guardrail sees. */
  get #isClosed(): boolean {
    const { isHeld, phase } = this.#run;
    return (phase === 'post' || this.#hasFailed) && isHeld;
  }

  /** What a hook runs (a judge, say) is its own business, and none of those who read the run that it is a hook of. */
  get #above(): RunEvents | undefined {
    const { position, parent } = this.#run;
    return position !== 'inside-hook' || parent?.position === 'inside-hook' ? parent?.events : undefined;
  }
}

/** Events go up to the root's reader; a run that is streamed on its own inside another has a reader besides. */
function passTo(above: RunEvents, sink: RunEventSink | undefined): RunEventSink {
  if (!sink) return (event) => above.pass(event);
  return async (event) => {
    await above.pass(event);
    await sink(event);
  };
}

function eventBaseOf({ identity, context, step, nestedDepth }: ActiveRun): RunEventBase {
  const { runId, parentRunId, sessionId } = context;
  return {
    createdAt: Math.floor(Date.now() / 1_000),
    component: identity,
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId,
    ...(step ? { step } : {}),
    nestedDepth,
  };
}
