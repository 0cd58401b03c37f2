import { APPLICATION, type SessionOwner } from '../../sessions/session.store.js';
import { Hold } from './hold.js';

/** The options of {@link HeldRun.of}. */
export interface HeldRunOptions {
  readonly runId: string;
  /** The owner of the run's session. */
  readonly owner: SessionOwner | undefined;
  /** A hook of the run above has started the run, not its engine. */
  readonly isOfHook: boolean;
  /** The run has output guardrails of its own. */
  readonly isGuarded: boolean;
  /** The run above belongs to an attempt that is repeated. */
  readonly isDiscarded: boolean;
  /** The run above, if guardrails hold that. */
  readonly above: HeldRun | undefined;
}

/**
 * A run that output guardrails hold: its own, or those of a run above (decision 0013). It knows which of its parts the
 * guardrails do not see, since they come too late, and whether the run is stored without its answer.
 */
export class HeldRun {
  readonly runId: string;
  /** The hold of the run's own guardrails. */
  readonly ownHold: Hold | undefined;
  /** Of the run's own guardrails, or of the next run above that has some. */
  readonly #hold: Hold;
  readonly #owner: SessionOwner | undefined;
  readonly #isOfHook: boolean;
  #parts: HeldRun[] = [];
  #phase: 'at work' | 'post' | 'settled' = 'at work';
  /** The run above did its work without waiting for this run: its guardrails have not seen this run. */
  #isLate = false;
  /** The attempt that has started the run is repeated. */
  #isDiscarded: boolean;
  #isWithdrawn = false;

  /** A run as guardrails hold it; undefined if neither the run nor one above has any. */
  static of(options: HeldRunOptions): HeldRun | undefined {
    const { runId, owner, isGuarded, above } = options;
    const outer = above && above.#hold;
    const own = isGuarded ? new Hold({ runId, owner, outer }) : undefined;
    const hold = own ?? outer;
    return hold && new HeldRun(options, hold, own);
  }

  private constructor(
    { runId, owner, isOfHook, isDiscarded }: HeldRunOptions,
    hold: Hold,
    own: Hold | undefined,
  ) {
    this.runId = runId;
    this.ownHold = own;
    this.#hold = hold;
    this.#owner = owner;
    this.#isOfHook = isOfHook;
    this.#isDiscarded = isDiscarded;
  }

  /** The run is stored without its answer: guardrails have refused it or have not seen it. */
  get isWithdrawn(): boolean {
    return this.#isWithdrawn;
  }

  /** The ids of the run and of all runs below it. */
  get treeIds(): ReadonlySet<string> {
    return new Set([this, ...this.#descendants()].map(({ runId }) => runId));
  }

  /** A part starts. Guardrails that look already, or that have looked, do not see it. */
  add(part: HeldRun): void {
    const isTooLate = this.#phase === 'settled' || (this.#phase === 'post' && !part.#isOfHook);
    if (this.#isLate || isTooLate) part.#markLate(this.#owner);
    if (this.#isDiscarded) part.#withdraw(this.#hold.owner);
    this.#parts.push(part);
  }

  /**
   * The run has done its work, and its post-hooks begin: parts that are still at work are late. Those that hooks have
   * started are not, since hooks may wait for them.
   *
   * @returns the ids of the late parts and of the runs below them
   */
  beginPost(): ReadonlySet<string> {
    this.#phase = 'post';
    return this.#leaveBehind((part) => !part.#isOfHook);
  }

  /**
   * The run has settled: all parts that have not are late.
   *
   * @returns the ids of the late parts and of the runs below them
   */
  settle(): ReadonlySet<string> {
    this.#phase = 'settled';
    return this.#leaveBehind(() => true);
  }

  /** The run did not complete. A guardrail above sees its answer, which is none: it does not see the runs below. */
  refuse(): void {
    for (const part of this.#descendants()) part.#withdraw(this.#owner);
  }

  /**
   * The attempt that has started the run is repeated: nothing of the run counts.
   *
   * @param above - the run that repeats its attempt, if guardrails hold it
   */
  discard(above: HeldRun | undefined): void {
    this.#isDiscarded = true;
    if (above) this.#withdraw(above.#hold.owner);
  }

  /** The run repeats its attempt: the parts are discarded, and guardrails have nothing to see of them. */
  forgetParts(): void {
    this.#parts = [];
  }

  /** Holds a record of the run until the guardrails have passed or refused; `keep` stores it then. */
  take(keep: () => Promise<void>): Promise<void> {
    return this.#hold.take({ runId: this.runId, refuse: (owner) => this.#withdraw(owner), keep });
  }

  #leaveBehind(isLeft: (part: HeldRun) => boolean): ReadonlySet<string> {
    if (this.#parts.length === 0) return NONE;
    const late = this.#parts.filter((part) => part.#phase !== 'settled' && isLeft(part));
    for (const part of late) part.#markLate(this.#owner);
    return new Set(late.flatMap((part) => [part, ...part.#descendants()]).map(({ runId }) => runId));
  }

  #markLate(owner: SessionOwner | undefined): void {
    this.#isLate = true;
    this.#withdraw(owner);
    for (const part of this.#parts) part.#markLate(owner);
  }

  /**
   * From now on the run is stored without its answer. Questions of the application about the run that has the
   * guardrails, in a session of its own, stay: no client reads them there.
   *
   * @param owner - of the session of the run that has the guardrails
   */
  #withdraw(owner: SessionOwner | undefined): void {
    if (this.#owner !== APPLICATION || this.#owner === owner) this.#isWithdrawn = true;
  }

  #descendants(): HeldRun[] {
    return this.#parts.flatMap((part) => [part, ...part.#descendants()]);
  }
}

const NONE: ReadonlySet<string> = new Set();
