/** A callback due at a time, unless it is cleared first. */
export interface Deadline {
  readonly at: number;
  onExpired: () => void;
}

/** Node fires longer timers at once, such as those of a backoff that has doubled often. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Many deadlines on one timer. Hooks are many and hardly ever late, so a timer for each would cost more than the
 * hooks themselves.
 */
export class Deadlines {
  readonly #open = new Set<Deadline>();
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Infinity;

  /** Calls `onExpired` after `milliseconds`, unless {@link clear} comes first. Keeps no process alive. */
  set(milliseconds: number, onExpired: () => void): Deadline {
    const deadline = { at: performance.now() + milliseconds, onExpired };
    this.#open.add(deadline);
    if (deadline.at < this.#wakeAt) this.#arm(deadline.at);
    return deadline;
  }

  /** Forgets a deadline; harmless if it has expired. */
  clear(deadline: Deadline): void {
    if (!this.#open.delete(deadline)) return;
    // A busy set leaves old tables behind until the next full garbage collection: they must not keep callbacks alive.
    deadline.onExpired = doNothing;
    if (this.#open.size === 0) this.#disarm();
  }

  #arm(at: number): void {
    this.#disarm();
    this.#wakeAt = at;
    const wait = Math.max(0, Math.ceil(at - performance.now()));
    this.#timer = setTimeout(() => this.#sweep(), Math.min(wait, LONGEST_TIMER)).unref();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakeAt = Infinity;
  }

  #sweep(): void {
    this.#disarm();
    const now = performance.now();
    let next = Infinity;
    for (const deadline of [...this.#open]) {
      if (deadline.at > now) {
        next = Math.min(next, deadline.at);
      } else if (this.#open.delete(deadline)) {
        deadline.onExpired();
      }
    }
    if (next !== Infinity && next < this.#wakeAt) this.#arm(next);
  }
}

function doNothing(): void {
  // The deadline was cleared.
}
