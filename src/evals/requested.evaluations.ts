/** The evaluations that requests have asked for and that have not ended, with or without a socket. */
export class RequestedEvaluations {
  readonly #open = new Map<Promise<unknown>, string>();

  /** The ids of the components that are evaluated. */
  get components(): readonly string[] {
    return [...this.#open.values()];
  }

  /** Runs an evaluation, which shutdown waits for. */
  conduct<T>(componentId: string, evaluate: () => Promise<T>): Promise<T> {
    const evaluation = evaluate();
    const leave = (): unknown => this.#open.delete(evaluation);
    this.#open.set(evaluation, componentId);
    void evaluation.then(leave, leave);
    return evaluation;
  }

  /** Resolves once no evaluation is open. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open.keys());
  }
}
