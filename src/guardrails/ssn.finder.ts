import type { Span } from './normalised.text.js';

/** Finds United States social security numbers written with hyphens; without these, any nine digits would match. */
export function findSsns(text: string): readonly Span[] {
  const ssns: Span[] = [];
  for (const { index, 0: ssn } of text.matchAll(/(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])/g)) {
    if (isAssignable(ssn)) ssns.push({ start: index, end: index + ssn.length });
  }
  return ssns;
}

/** Areas 000, 666 and 9xx, group 00 and serial 0000 are never assigned (Social Security Administration, since 2011). */
function isAssignable(ssn: string): boolean {
  const [area = '', group = '', serial = ''] = ssn.split('-');
  return !/^(?:000|666|9\d\d)$/.test(area) && group !== '00' && serial !== '0000';
}
