/** Milliseconds in which a process that has stood still may begin a hook that it had claimed before. */
const CLAIMED = 1_000;

/**
 * What happened, from the record and the stored ledger.
 *
 * - `runs`: for each run tree, the starts of its hooks in their order. A start has its end, or that of its process.
 * - `standstills`: when a process stood still for so long that it may have lost its locks.
 * - `interruptions`: when a process was killed or told to end, when a store was away, by process or for all.
 */
export function toHistory({ entries, hooks, ledger, lockDuration }) {
  const of = (kind) => entries.filter((entry) => entry.kind === kind);
  const standstills = of('stood-still').filter(({ from, to }) => to - from >= lockDuration / 2);
  const interruptions = [
    ...of('killed').map(({ process, at }) => ({ process, from: at, to: at })),
    ...of('told-to-end').map(({ process, at, to = Infinity }) => ({ process, from: at, to })),
    // For one process, when it names one.
    ...of('store-away').map(({ process, from, to }) => ({ process, from, to })),
    ...standstills,
  ];
  const diedAt = new Map(of('killed').map(({ process, at }) => [process, at]));
  const ends = new Map([...of('ended'), ...of('aborted')].map((end) => [end.call, end]));
  const starts = of('started').map((start) => {
    const end = ends.get(start.call);
    const endedAt = end?.at ?? diedAt.get(start.process) ?? start.at;
    const isStale = standstills.some(
      ({ process, from, to }) => process === start.process && from <= endedAt && to >= start.at - CLAIMED,
    );
    return { ...start, endedAt, hasEnded: end?.kind === 'ended', isStale };
  });
  const volatile = new Set(of('volatile').map(({ run }) => run));
  const answered = new Set(of('answered').map(({ run }) => run));
  // Runs that have failed since their hooks could not be stored in time. A hook of them may run, if the store had them all
  // the same and its process was killed or stood still before it could discard them.
  const refused = new Set(
    of('refused')
      .map(({ run }) => run)
      .filter((run) => !answered.has(run)),
  );
  const runs = new Map();
  for (const start of starts) {
    if (volatile.has(start.run) || refused.has(start.run)) continue;
    runs.set(start.run, [...(runs.get(start.run) ?? []), start]);
  }
  return {
    hooks,
    runs,
    answered,
    volatile,
    refusedAndRun: [...refused].filter((run) => starts.some((start) => start.run === run)).length,
    interruptions,
    ledger: ledger.filter(({ runId }) => !volatile.has(runId) && !refused.has(runId)),
  };
}

/** Hooks of answered runs that have not run to their end. */
export function missingHooks({ hooks, runs, answered, volatile }) {
  return [...answered]
    .filter((run) => !volatile.has(run))
    .flatMap((run) => {
      const ended = new Set((runs.get(run) ?? []).filter(({ hasEnded }) => hasEnded).map(({ hook }) => hook));
      return hooks.filter((hook) => !ended.has(hook)).map((hook) => `hook ${hook} of run ${run} has not run`);
    });
}

/** Hooks that began before the one before them had ended, or after the one behind them had begun. */
export function brokenOrder({ hooks, runs }) {
  return [...runs].flatMap(([run, starts]) => {
    const sound = starts.filter(({ isStale }) => !isStale);
    return hooks.slice(1).flatMap((hook, index) => {
      const first = Math.min(...sound.filter((start) => start.hook === hook).map(({ at }) => at));
      const before = starts.filter((start) => start.hook === hooks[index]);
      if (first === Infinity) return [];
      const problems = [];
      if (!before.some(({ hasEnded, endedAt }) => hasEnded && endedAt <= first))
        problems.push(`hook ${hook} of run ${run} began before hook ${hooks[index]} had ended`);
      if (before.some(({ at, isStale }) => !isStale && at > first))
        problems.push(`hook ${hooks[index]} of run ${run} began after hook ${hook} had begun`);
      return problems;
    });
  });
}

/** Hooks that began although the store had recorded their end. */
export function runAgainAfterEnd({ runs, ledger }) {
  const endedAt = new Map(ledger.map((execution) => [execution.id, execution.endedAt ?? Infinity]));
  return [...runs.values()]
    .flat()
    .filter(({ execution, at, isStale }) => !isStale && at > (endedAt.get(execution) ?? Infinity))
    .map(({ hook, run }) => `hook ${hook} of run ${run} ran again after its end was recorded`);
}

/** Hooks that ran more than once without a crash between, under another execution id or without a higher attempt. */
export function unexplainedRepeats({ hooks, runs, interruptions }) {
  return [...runs].flatMap(([run, starts]) =>
    hooks.flatMap((hook) => {
      const own = starts.filter((start) => start.hook === hook);
      return own.slice(1).flatMap((start, index) => {
        const before = own[index];
        const problems = [];
        if (start.execution !== before.execution)
          problems.push(`hook ${hook} of run ${run} ran with two execution ids`);
        if (start.attempt <= before.attempt && !start.isStale)
          problems.push(`hook ${hook} of run ${run} was repeated as attempt ${start.attempt} again`);
        const isExplained = interruptions.some(
          ({ process, from, to }) =>
            (process === undefined || process === before.process || process === start.process) &&
            from <= start.at &&
            to >= before.at,
        );
        if (!isExplained) problems.push(`hook ${hook} of run ${run} was repeated without a crash`);
        return problems;
      });
    }),
  );
}

/** Hooks of one run that ran at the same time, on processes that had not stood still. */
export function overlaps({ runs }) {
  return [...runs].flatMap(([run, starts]) => {
    const sound = starts.filter(({ isStale }) => !isStale).sort((one, other) => one.at - other.at);
    return sound
      .slice(1)
      .filter((start, index) => start.at < sound[index].endedAt)
      .map((start) => `hook ${start.hook} of run ${run} ran beside another hook of its run`);
  });
}

/** Executions of the stored ledger that are open, failed, differ from the record, or have the result of a stale worker. */
export function ledgerDifferences({ runs, ledger, answered, hooks, volatile }) {
  const stored = new Map(ledger.map((execution) => [execution.id, execution]));
  const problems = ledger
    .filter(({ state }) => state !== 'succeeded')
    .map(({ id, state }) => `execution ${id} is ${state} in the ledger`);
  for (const starts of runs.values())
    for (const { execution } of starts)
      if (!stored.has(execution)) problems.push(`execution ${execution} ran and is not in the ledger`);
  for (const execution of stored.values()) {
    const own = (runs.get(execution.runId) ?? []).filter((start) => start.execution === execution.id);
    if (execution.state === 'succeeded' && !own.some(({ hasEnded }) => hasEnded))
      problems.push(`execution ${execution.id} has ended in the ledger and has not run`);
    if (execution.attempts < Math.max(0, ...own.map(({ attempt }) => attempt)))
      problems.push(`execution ${execution.id} has the result of a worker that had lost it`);
  }
  for (const run of answered) {
    const count = ledger.filter(({ runId }) => runId === run).length;
    if (!volatile.has(run) && count !== hooks.length)
      problems.push(`run ${run} was answered and has ${count} executions in the ledger`);
  }
  return [...new Set(problems)];
}

/** Every check, by its name. */
export const CHECKS = {
  missingHooks,
  brokenOrder,
  runAgainAfterEnd,
  unexplainedRepeats,
  overlaps,
  ledgerDifferences,
};

/** All violations, and the number of checked items. */
export function judge(history) {
  const violations = Object.entries(CHECKS).flatMap(([name, check]) =>
    check(history).map((problem) => `${name}: ${problem}`),
  );
  const starts = [...history.runs.values()].flat();
  return {
    violations,
    counts: {
      answered: history.answered.size,
      volatile: history.volatile.size,
      refusedAndRun: history.refusedAndRun,
      hooks: starts.length,
      repeated: starts.length - new Set(starts.map(({ execution }) => execution)).size,
      stale: starts.filter(({ isStale }) => isStale).length,
    },
  };
}
