/**
 * The tool calls that have been reported as events. The AI SDK runs a tool as soon as the model has called it,
 * possibly before the call has been read from the stream; the tool waits here until its call is reported.
 */
export class ReportedCalls {
  readonly #calls = new Map<string, ReportedCall>();

  /** Lets the tool run. */
  report(toolCallId: string): void {
    this.#find(toolCallId).report();
  }

  /** Resolves once the call has been reported. */
  reported(toolCallId: string): Promise<void> {
    return this.#find(toolCallId).reported;
  }

  #find(toolCallId: string): ReportedCall {
    const known = this.#calls.get(toolCallId);
    if (known) return known;
    let report!: () => void;
    const reported = new Promise<void>((resolve) => (report = resolve));
    const call = { reported, report };
    this.#calls.set(toolCallId, call);
    return call;
  }
}

interface ReportedCall {
  readonly reported: Promise<void>;
  readonly report: () => void;
}
