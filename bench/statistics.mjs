/** The middle value, with the lowest, the lower quartile and the highest to show how noisy it is. */
export function summarize(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share) => sorted[Math.floor(sorted.length * share)];
  return { median: at(0.5), low: sorted[0], lowerQuartile: at(0.25), high: sorted.at(-1) };
}

/** The value below which this share of the values lies. */
export function percentileOf(values, share) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * share)];
}

/** Three digits: no more are meant. */
export function round(value) {
  return Number(value.toPrecision(3));
}
