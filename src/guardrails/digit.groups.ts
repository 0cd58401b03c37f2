import type { Span } from './normalised.text.js';

/** The runs of ASCII digits in a text, from left to right. */
export function digitGroupsIn(text: string): readonly Span[] {
  const groups: Span[] = [];
  let start = -1;
  // By hand, as there may be a million: a regular expression makes an array of each.
  for (let at = 0; at <= text.length; at++) {
    if (isDigit(text.charCodeAt(at))) {
      if (start === -1) start = at;
    } else if (start !== -1) {
      groups.push({ start, end: at });
      start = -1;
    }
  }
  return groups;
}

/** @param unit - of a text; NaN behind its end */
function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}
