/** The names of a store's methods. */
export type MethodOf<S> = {
  [K in keyof S]: S[K] extends (...given: never[]) => unknown ? K : never;
}[keyof S] &
  string;

/** What a method does in place of its work: throw this error, or hang until it is released. */
export type StoreFault = Error | 'hang';

/** How often a method fails. */
export interface StoreFaultOptions {
  /** So many calls; later ones do their work. Default: all. */
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

/** A store of which some methods fail or hang, and what ends that. Made by {@link failingStore}. */
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
        // With the target as `this`: its private fields are not those of the proxy.
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function' || name === 'constructor') return member;
        const call = (...given: unknown[]): unknown => Reflect.apply(member, target, given);
        return (...given: unknown[]) => this.#call(String(name), () => call(...given));
      },
    });
  }

  /**
   * From now on calls of the method reject with the error and do nothing.
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
   * From now on calls of the method do nothing until {@link release}.
   *
   * @throws TypeError if the store has no such method
   */
  hang(method: MethodOf<S>, options?: StoreFaultOptions): void {
    this.#set(method, 'hang', options);
  }

  /** Later calls do their work; those that hang hang on. Without a name: those of all methods. */
  heal(method?: MethodOf<S>): void {
    if (method === undefined) this.#faults.clear();
    else this.#faults.delete(this.#checked(method));
  }

  /**
   * Resolves when the method was called so often, whatever came of it.
   *
   * @param times - since the store was made. Default 1
   */
  async called(method: MethodOf<S>, times = 1): Promise<void> {
    this.#checked(method);
    while ((this.#calls.get(method) ?? 0) < times) {
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /**
   * Resolves when so many calls of the method hang.
   *
   * @param times - at once. Default 1
   */
  async hanging(method: MethodOf<S>, times = 1): Promise<void> {
    this.#checked(method);
    while ([...this.#hanging].filter((call) => call.method === method).length < times) {
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /**
   * Lets the calls that hang do their work, and later ones of their methods too; resolves when they have done it and their
   * callers have gone on. What they reject with is for their callers.
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
 * A store around another one, of which some methods fail or hang: a disk that is full, a database that is gone.
 *
 * @param store - does the work where nothing else is said
 * @param faults - what its methods do instead, from the beginning
 * @example
 * ```ts
 * const sessions = failingStore(new InMemorySessionStore(), { append: new Error('The disk is full') });
 * const os = await createTestAgentOs({ agents: [support], sessionStore: sessions.store });
 * sessions.hang('open');
 * await sessions.called('open');
 * await sessions.release();
 * ```
 * @throws TypeError if the store has no method of a name
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

/** Everything but what all objects have. */
function isOwnKind(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) !== null;
}
