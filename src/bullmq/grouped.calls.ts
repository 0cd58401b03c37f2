/** The options of {@link GroupedCalls}. */
export interface GroupedCallsOptions<Input, Output> {
  /** Calls with the same key never go together: the later one sees what the earlier one has done. */
  readonly keyOf: (input: Input) => string;
  /** Makes several calls at once. @returns their results, in the order of the calls */
  readonly run: (inputs: readonly Input[]) => Promise<readonly Output[]>;
}

interface Call<Input, Output> {
  readonly input: Input;
  readonly resolve: (output: Output) => void;
  readonly reject: (thrown: unknown) => void;
}

/** The maximum number of calls that are made at once. */
const MOST = 100;

/**
 * Calls of a store that are made while an earlier one is at work go to the store together, in one statement or script. A
 * call that finds nothing at work is made at once.
 */
export class GroupedCalls<Input, Output> {
  readonly #options: GroupedCallsOptions<Input, Output>;
  #waiting: Call<Input, Output>[] = [];
  #isAtWork = false;

  constructor(options: GroupedCallsOptions<Input, Output>) {
    this.#options = options;
  }

  call(input: Input): Promise<Output> {
    const answer = new Promise<Output>((resolve, reject) => this.#waiting.push({ input, resolve, reject }));
    if (!this.#isAtWork) void this.#work();
    return answer;
  }

  async #work(): Promise<void> {
    this.#isAtWork = true;
    while (this.#waiting.length > 0) await this.#make(this.#next());
    this.#isAtWork = false;
  }

  #next(): readonly Call<Input, Output>[] {
    const next = new Map<string, Call<Input, Output>>();
    const later: Call<Input, Output>[] = [];
    for (const call of this.#waiting) {
      const key = this.#options.keyOf(call.input);
      if (next.size < MOST && !next.has(key)) next.set(key, call);
      else later.push(call);
    }
    this.#waiting = later;
    return [...next.values()];
  }

  async #make(calls: readonly Call<Input, Output>[]): Promise<void> {
    try {
      const outputs = await this.#options.run(calls.map(({ input }) => input));
      for (const [index, { resolve }] of calls.entries()) resolve(outputs[index] as Output);
    } catch (thrown) {
      const [call] = calls;
      if (calls.length === 1) return call?.reject(thrown);
      // One that the store refuses must not fail the others.
      for (const one of calls) await this.#make([one]);
    }
  }
}
