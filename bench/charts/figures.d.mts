import type { PeerResults } from './results.d.mts';

export interface Figure {
  readonly name: string;
  readonly title: string;
  readonly chart: string;
  readonly table: string;
}

export function figuresOf(results: PeerResults): Figure[];
export function circumstances(results: PeerResults): string[];
