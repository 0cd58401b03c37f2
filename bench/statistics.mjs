/** The middle value, with the lowest, the lower quartile and the highest to show how noisy it is. */
export function summarize(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share) => sorted[Math.floor(sorted.length * share)];
  return { median: at(0.5), low: sorted[0], lowerQuartile: at(0.25), high: sorted.at(-1) };
}
