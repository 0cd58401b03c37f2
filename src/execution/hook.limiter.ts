import { Deadlines, type Deadline } from './deadlines.js';
import type { HookLimits } from './hook.limits.js';

/** The right of one execution to run under the limits of its hook. */
export interface HookPermit {
  /** The execution starts now. */
  start(): void;
  /** Resolves when a further attempt may start, or the limiter has closed. Attempts come before first starts. */
  restart(): Promise<void>;
  /** The execution has ended, or does not start at all. */
  end(): void;
}

/**
 * Keeps the limits of one hook in this process. Executions that must wait start in the order in which they asked.
 * Times are those of `performance.now()`.
 */
export class HookLimiter {
  readonly #limits: HookLimits;
  readonly #deadlines: Deadlines;
  readonly #line: ((permit: HookPermit | undefined) => void)[] = [];
  readonly #retries: (() => void)[] = [];
  /** The times of the latest starts that the rate still counts, the oldest first. */
  readonly #starts: number[] = [];
  #permits = 0;
  /** Permits whose execution has not started yet: the rate counts them as well. */
  #announced = 0;
  #wake: Deadline | undefined;
  #isClosed = false;

  constructor(limits: HookLimits, deadlines: Deadlines) {
    this.#limits = limits;
    this.#deadlines = deadlines;
  }

  /** A permit, if the execution need not wait. */
  tryTake(): HookPermit | undefined {
    const isFree = this.#line.length === 0 && this.#retries.length === 0 && this.#hasRoom();
    return isFree && !this.#isClosed ? this.#permit() : undefined;
  }

  /** Waits in line for a permit; undefined when the limiter has closed. */
  take(): Promise<HookPermit | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#line.push(resolve);
      this.#advance();
    });
  }

  /** Nothing waits any longer: no further permit is given. */
  close(): void {
    this.#isClosed = true;
    this.#sleep();
    for (const resume of this.#retries.splice(0)) resume();
    for (const resolve of this.#line.splice(0)) resolve(undefined);
  }

  #permit(): HookPermit {
    this.#permits += 1;
    this.#announced += 1;
    let hasStarted = false;
    return {
      start: () => {
        hasStarted = true;
        this.#announced -= 1;
        this.#recordStart();
        this.#advance();
      },
      restart: () =>
        new Promise((resolve) => {
          if (this.#isClosed) return resolve();
          this.#retries.push(resolve);
          this.#advance();
        }),
      end: () => {
        this.#permits -= 1;
        if (!hasStarted) this.#announced -= 1;
        this.#advance();
      },
    };
  }

  /** Lets those in line go on for whom there is room. */
  #advance(): void {
    if (this.#isClosed) return;
    while (this.#retries.length > 0 && this.#mayStart()) {
      this.#recordStart();
      this.#retries.shift()?.();
    }
    while (this.#retries.length === 0 && this.#line.length > 0 && this.#hasRoom())
      this.#line.shift()?.(this.#permit());
    this.#sleep();
    const { rate } = this.#limits;
    const [oldest] = this.#starts;
    const isWaiting = this.#retries.length > 0 || this.#line.length > 0;
    if (!rate || !isWaiting || this.#mayStart() || oldest === undefined) return;
    this.#wake = this.#deadlines.set(oldest + rate.per - performance.now(), () => this.#advance());
  }

  #hasRoom(): boolean {
    return this.#permits < (this.#limits.concurrency ?? Infinity) && this.#mayStart();
  }

  /** Whether the rate allows one more start. */
  #mayStart(): boolean {
    const { rate } = this.#limits;
    if (!rate) return true;
    const now = performance.now();
    while (this.#starts[0] !== undefined && now - this.#starts[0] >= rate.per) this.#starts.shift();
    return this.#starts.length + this.#announced < rate.max;
  }

  #recordStart(): void {
    if (this.#limits.rate) this.#starts.push(performance.now());
  }

  #sleep(): void {
    if (this.#wake) this.#deadlines.clear(this.#wake);
    this.#wake = undefined;
  }
}

/** The limiters of this process, by hook. */
export class HookLimiters {
  readonly #deadlines = new Deadlines();
  readonly #byHook = new Map<string, HookLimiter>();

  of(limits: HookLimits): HookLimiter {
    let limiter = this.#byHook.get(limits.hook);
    if (!limiter) this.#byHook.set(limits.hook, (limiter = new HookLimiter(limits, this.#deadlines)));
    return limiter;
  }

  /** Nothing waits any longer. */
  close(): void {
    for (const limiter of this.#byHook.values()) limiter.close();
  }
}
