import type { PeerResults } from './results.d.mts';

export function sectionOf(results: PeerResults): string;
export function withSection(text: string, section: string): string;
