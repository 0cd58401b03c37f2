/** An entry of the record: what happened, and when. */
export interface RecordEntry {
  readonly at: number;
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** An execution of the stored ledger. */
export interface LedgerEntry {
  readonly id: string;
  readonly runId: string;
  readonly state: string;
  readonly attempts: number;
  readonly endedAt?: number;
}

/** The arguments of {@link toHistory}. */
export interface Observed {
  readonly entries: readonly RecordEntry[];
  readonly hooks: readonly string[];
  readonly ledger: readonly LedgerEntry[];
  readonly lockDuration: number;
}

/** What the checks read. */
export interface History {
  readonly hooks: readonly string[];
  readonly answered: ReadonlySet<string>;
  readonly volatile: ReadonlySet<string>;
  /** The number of refused runs of which a hook has run. */
  readonly refusedAndRun: number;
}

export function toHistory(observed: Observed): History;

/** Each returns a sentence for each violation. */
export const CHECKS: Readonly<Record<string, (history: History) => readonly string[]>>;

export function judge(history: History): {
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
};
