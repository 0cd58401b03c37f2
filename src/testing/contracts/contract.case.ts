/** One guarantee of a contract, as a case for any runner: `for (const { name, run } of contract) it(name, run);` */
export interface ContractCase {
  /** A full sentence. */
  readonly name: string;
  /** Time limit for a slow machine in milliseconds, for runners that accept one. */
  readonly timeout: number;
  /** Rejects with an `AssertionError` if the guarantee is not met. */
  readonly run: () => Promise<void>;
}

/** Milliseconds. */
const DEFAULT_TIMEOUT = 15_000;
/** Milliseconds: longer than any case. */
const LONG = 3_600_000;

export function contractCase(
  name: string,
  run: () => Promise<void>,
  timeout: number = DEFAULT_TIMEOUT,
): ContractCase {
  return { name, timeout, run: () => keptAlive(run) };
}

/** Cases that share one test subject. */
export class ContractCases<T> {
  readonly list: ContractCase[] = [];
  readonly #create: () => T | Promise<T>;
  #created: Promise<T> | undefined;

  /** @param create - creates the test subject; called once, by the first case */
  constructor(create: () => T | Promise<T>) {
    this.#create = create;
  }

  add(name: string, run: (tested: T) => Promise<void>, timeout?: number): void {
    this.list.push(contractCase(name, async () => run(await this.#tested()), timeout));
  }

  #tested(): Promise<T> {
    return (this.#created ??= new Promise((resolve) => resolve(this.#create())));
  }
}

/** Keeps the process alive: time limits of hooks do not, and `node:test` then gives up the case. */
async function keptAlive(run: () => Promise<void>): Promise<void> {
  const timer = setInterval(() => undefined, LONG);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
}
