import { EvalStore } from './eval.store.js';
import { EVAL_ANSWERS } from './store.answers.js';
import type { StoreCalls } from './store.calls.js';

/** An evaluation store whose calls have a time limit. */
export class TimeLimitedEvalStore extends EvalStore {
  readonly #store: EvalStore;
  readonly #calls: StoreCalls;

  private constructor(store: EvalStore, calls: StoreCalls) {
    super();
    this.#store = store;
    this.#calls = calls;
  }

  /** Wraps a store, unless it is wrapped already. */
  static of(store: EvalStore, calls: StoreCalls): TimeLimitedEvalStore {
    return store instanceof TimeLimitedEvalStore ? store : new TimeLimitedEvalStore(store, calls);
  }

  override save(...call: Parameters<EvalStore['save']>): ReturnType<EvalStore['save']> {
    return this.#calls.wait('EvalStore.save', EVAL_ANSWERS.nothing, () => this.#store.save(...call));
  }

  override list(...call: Parameters<EvalStore['list']>): ReturnType<EvalStore['list']> {
    return this.#calls.wait('EvalStore.list', EVAL_ANSWERS.list, () => this.#store.list(...call));
  }

  override count(...call: Parameters<EvalStore['count']>): ReturnType<EvalStore['count']> {
    return this.#calls.wait('EvalStore.count', EVAL_ANSWERS.count, () => this.#store.count(...call));
  }

  override find(...call: Parameters<EvalStore['find']>): ReturnType<EvalStore['find']> {
    return this.#calls.wait('EvalStore.find', EVAL_ANSWERS.one, () => this.#store.find(...call));
  }

  override rename(...call: Parameters<EvalStore['rename']>): ReturnType<EvalStore['rename']> {
    return this.#calls.wait('EvalStore.rename', EVAL_ANSWERS.one, () => this.#store.rename(...call));
  }

  override delete(...call: Parameters<EvalStore['delete']>): ReturnType<EvalStore['delete']> {
    return this.#calls.wait('EvalStore.delete', EVAL_ANSWERS.nothing, () => this.#store.delete(...call));
  }
}
