/** The names of a store's methods. */
export type MethodOf<S> = {
  [K in keyof S]: S[K] extends (...given: never[]) => unknown ? K : never;
}[keyof S] &
  string;

/** A fault of a method: it throws this error instead of doing its work, or hangs until it is released. */
export type StoreFault = Error | 'hang';

/** How often a method fails. */
export interface StoreFaultOptions {
  /** Number of calls that fail; later ones do their work. Default: all. */
  readonly times?: number;
}

interface ActiveFault {
  readonly fault: StoreFault;
  left: number;
}

interface HangingCall {
  readonly method: string;
  readonly release: () => Promise<unknown>;
}

/** A store with methods that fail or hang, and the controls for it. Created by {@link failingStore}. */
export class FailingStore<S extends object> {
  /** The store to give to the module. */
  readonly store: S;
  readonly #target: S;
  readonly #faults = new Map<string, ActiveFault>();
  readonly #calls = new Map<string, number>();
  readonly #hanging = new Set<HangingCall>();
  readonly #watchers = new Set<() => void>();

  /** @internal */
  constructor(target: S) {
    this.#target = target;
    this.store = new Proxy(target, {
      get: (_, name) => {
        // With the target as `this`: the proxy does not have its private fields.
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function' || name === 'constructor') return member;
        const call = (...given: unknown[]): unknown => Reflect.apply(member, target, given);
        return (...given: unknown[]) => this.#call(String(name), () => call(...given));
      },
    });
  }

  /**
   * Makes calls of the method reject with the error and do nothing.
   *
   * @throws TypeError if the store has no such method
   */
  fail(
    method: MethodOf<S>,
    error: Error = new Error(`The store fails: ${method}`),
    options?: StoreFaultOptions,
  ): void {
    this.#set(method, error, options);
  }

  /**
   * Makes calls of the method wait until {@link release}.
   *
   * @throws TypeError if the store has no such method
   */
  hang(method: MethodOf<S>, options?: StoreFaultOptions): void {
    this.#set(method, 'hang', options);
  }

  /** Later calls do their work; calls that hang continue to hang. Without a name: calls of all methods. */
  heal(method?: MethodOf<S>): void {
    if (method === undefined) this.#faults.clear();
    else this.#faults.delete(this.#checked(method));
  }

  /**
   * Resolves when the method was called this many times, with any result.
   *
   * @param times - calls since the store was created. Default 1
   */
  async called(method: MethodOf<S>, times = 1): Promise<void> {
    this.#checked(method);
    while ((this.#calls.get(method) ?? 0) < times) {
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /**
   * Resolves when this many calls of the method hang.
   *
   * @param times - calls that hang at the same time. Default 1
   */
  async hanging(method: MethodOf<S>, times = 1): Promise<void> {
    this.#checked(method);
    while ([...this.#hanging].filter((call) => call.method === method).length < times) {
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /**
   * Lets hanging calls, and later calls of their methods, do their work; resolves when the hanging calls have done it
   * and their callers have continued. Errors of these calls go to their callers only.
   */
  async release(method?: MethodOf<S>): Promise<void> {
    this.heal(method);
    const calls = [...this.#hanging].filter((call) => method === undefined || call.method === method);
    await Promise.allSettled(calls.map((call) => call.release()));
    await new Promise((resolve) => setImmediate(resolve));
  }

  #set(method: MethodOf<S>, fault: StoreFault, { times = Infinity }: StoreFaultOptions = {}): void {
    this.#faults.set(this.#checked(method), { fault, left: times });
  }

  #call(method: string, work: () => unknown): unknown {
    const fault = this.#take(method);
    this.#calls.set(method, (this.#calls.get(method) ?? 0) + 1);
    const answer =
      fault === undefined ? work() : fault === 'hang' ? this.#hang(method, work) : Promise.reject(fault);
    for (const tell of this.#watchers) tell();
    this.#watchers.clear();
    return answer;
  }

  #take(method: string): StoreFault | undefined {
    const active = this.#faults.get(method);
    if (!active || active.left <= 0) return undefined;
    active.left -= 1;
    return active.fault;
  }

  #hang(method: string, work: () => unknown): Promise<unknown> {
    return new Promise((resolve) => {
      const call: HangingCall = {
        method,
        release: () => {
          this.#hanging.delete(call);
          const working = new Promise((done) => done(work()));
          resolve(working);
          return working;
        },
      };
      this.#hanging.add(call);
    });
  }

  #checked(method: string): string {
    if (typeof Reflect.get(this.#target, method) === 'function') return method;
    const methods = methodsOf(this.#target).join(', ');
    throw new TypeError(
      `failingStore(): the store has no method "${String(method)}". Its methods: ${methods}.`,
    );
  }
}

/**
 * Wraps a store so that methods can fail or hang, like with a full disk or a lost database.
 *
 * @param store - the store that does the work of methods without a fault
 * @param faults - initial faults by method
 * @example
 * ```ts
 * const sessions = failingStore(new InMemorySessionStore(), { append: new Error('The disk is full') });
 * const os = await createTestAgentOs({ agents: [support], sessionStore: sessions.store });
 * sessions.hang('open');
 * await sessions.called('open');
 * await sessions.release();
 * ```
 * @throws TypeError if the store has no method with a given name
 */
export function failingStore<S extends object>(
  store: S,
  faults: { readonly [M in MethodOf<S>]?: StoreFault } = {},
): FailingStore<S> {
  const failing = new FailingStore(store);
  for (const [name, fault] of Object.entries(faults) as [MethodOf<S>, StoreFault][]) {
    if (fault === 'hang') failing.hang(name);
    else failing.fail(name, fault);
  }
  return failing;
}

function methodsOf(store: object): string[] {
  const names = new Set<string>();
  for (let from: unknown = store; isOwnKind(from); from = Object.getPrototypeOf(from)) {
    for (const name of Object.getOwnPropertyNames(from)) {
      const value: unknown = Object.getOwnPropertyDescriptor(from, name)?.value;
      if (name !== 'constructor' && typeof value === 'function') names.add(name);
    }
  }
  return [...names].sort();
}

/** Whether it is an object with a prototype, which `Object.prototype` is not. */
function isOwnKind(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) !== null;
}
