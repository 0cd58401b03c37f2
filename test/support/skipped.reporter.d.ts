/** The part of a Jest reporter that is used. */
export default class SkippedReporter {
  constructor(config: { readonly testNamePattern?: string });
  onRunComplete(contexts: unknown, results: { readonly testResults: readonly object[] }): void;
}
