/** The middle, the lowest and the highest reading. */
export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** What was measured at one value of a scenario, by subject. */
export interface ResultPoint {
  readonly value: number;
  readonly metrics: Readonly<Record<string, Readonly<Record<string, Summary>>>>;
  readonly failures: Readonly<Record<string, string>>;
}

/** What `results/peers.json` holds. */
export interface PeerResults {
  readonly measuredAt: string;
  readonly quick: boolean;
  readonly tookSeconds: number;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly memoryGigabytes: number;
    readonly node: string;
    readonly loadAverageBefore: number;
    readonly packages: Readonly<Record<string, string>>;
  };
  readonly subjects: Readonly<Record<string, string>>;
  readonly missing: Readonly<Record<string, string>>;
  readonly scenarios: Readonly<
    Record<string, { readonly axis: string; readonly points: readonly ResultPoint[] }>
  >;
}
