/** The middle value, with the lowest and the highest to show how noisy it is. */
export function summarize(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return { median: sorted[Math.floor(sorted.length / 2)], low: sorted[0], high: sorted.at(-1) };
}
