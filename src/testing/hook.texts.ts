import type { HookExecution } from '../execution/hook-execution.js';

/** An execution in one line of an error: `"notify" of run 7f3a: failed (Error), attempt 2`. */
export function describeExecution(execution: HookExecution): string {
  const { hook, runId, component, state, reason, errorName, attempts } = execution;
  const why = reason ?? errorName;
  const tries = attempts > 1 ? `, ${attempts} attempts` : '';
  return `"${hook}" of ${component.kind} "${component.id}", run ${runId}: ${state}${why === undefined ? '' : ` (${why})`}${tries}`;
}

/** One line per execution, or a note that there are none. */
export function describeExecutions(executions: readonly HookExecution[]): string {
  if (executions.length === 0) return 'none.';
  return executions.map((execution) => `\n  - ${describeExecution(execution)}`).join('');
}

/** Names in quotes. */
export function listNames(names: Iterable<string>): string {
  const sorted = [...new Set(names)].sort();
  return sorted.length === 0 ? 'none' : sorted.map((name) => `"${name}"`).join(', ');
}
