/** Prints a table for each scenario: the medians of each subject, by what grows. */
export function printPeers({ subjects, missing, scenarios }) {
  for (const { axis, points } of Object.values(scenarios)) {
    console.log(`By ${axis}`);
    console.table(points.flatMap((point) => rowsOf(point, subjects)));
    for (const { value, failures } of points)
      for (const [variant, reason] of Object.entries(failures))
        console.log(`${subjects[variant]} failed at ${value}: ${reason}`);
  }
  for (const [peer, reason] of Object.entries(missing)) console.log(`${peer} was not measured: ${reason}`);
}

function rowsOf({ value, metrics }, subjects) {
  return Object.entries(metrics).map(([variant, measured]) => ({
    value,
    subject: subjects[variant],
    ...Object.fromEntries(Object.entries(measured).map(([name, { median }]) => [name, median])),
  }));
}
