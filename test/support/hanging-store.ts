import { InMemoryEvalStore, InMemorySessionStore, type EvalStore, type SessionStore } from 'nestjs-agentos';

import { createGate } from './gate.js';

/** Which calls of a store hang, and what lets them go on. */
export class Hang {
  readonly #methods = new Set<string>();
  #released = createGate();
  #work: Promise<unknown>[] = [];

  /** From now on calls of this method do nothing until {@link release}. */
  start(method: string): void {
    this.#methods.add(method);
  }

  /** Later calls do not hang any more; those that hang still do. */
  stop(): void {
    this.#methods.clear();
  }

  /** Resolves when so many calls hang. */
  async called(times: number): Promise<void> {
    while (this.#work.length < times) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets all calls that hang do their work; resolves when they have done it. */
  async release(): Promise<void> {
    this.stop();
    this.#released.open();
    this.#released = createGate();
    await Promise.allSettled(this.#work.splice(0));
    // What waits for these calls goes on.
    await new Promise((resolve) => setImmediate(resolve));
  }

  call<T>(method: string, work: () => Promise<T>): Promise<T> {
    if (!this.#methods.has(method)) return work();
    const working = this.#released.opened.then(work);
    this.#work.push(working);
    return working;
  }
}

/** Sessions in memory, of which some calls hang. */
export function hangingSessionStore(hang: Hang): SessionStore {
  return hanging(new InMemorySessionStore(), hang);
}

/** Evaluations in memory, of which some calls hang. */
export function hangingEvalStore(hang: Hang): EvalStore {
  return hanging(new InMemoryEvalStore(), hang);
}

function hanging<S extends object>(store: S, hang: Hang): S {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) =>
        hang.call(String(name), async () => Reflect.apply(member, target, args) as unknown);
    },
  });
}
