import type { Summary } from './results.d.mts';

export interface Series {
  readonly name: string;
  readonly dashed?: boolean;
  readonly points: readonly (Summary & { readonly x: number })[];
}

export function lineChart(chart: {
  readonly title: string;
  readonly notes: readonly string[];
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xs: readonly number[];
  readonly series: readonly Series[];
}): string;

export function logarithmicScale(values: readonly number[]): {
  readonly ticks: readonly number[];
  yOf(value: number): number;
};

export function formatNumber(value: number): string;
