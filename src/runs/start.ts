import { toError } from '../data/to-error.js';
import type { RunOutput } from '../model/run-output.js';
import { Run, type RunRequest } from './run.js';
import type { RunHandle } from './run.view.js';

/**
 * Starts a run: as a part of the run that the calling code belongs to, else as the root of a new tree.
 *
 * @throws AgentOsConfigurationError if a hook of the component cannot be bound
 * @throws TypeError if the input is neither a text nor `{ content }`
 */
export function startRun(request: RunRequest): RunHandle {
  return Run.start(request);
}

/**
 * Runs a component to its end.
 *
 * @returns the output of the completed run
 * @throws AgentRunError if the run does not complete
 * @throws AgentOsConfigurationError or TypeError if it cannot start
 */
export function run(request: RunRequest): Promise<RunOutput> {
  let handle: RunHandle;
  try {
    handle = startRun(request);
  } catch (thrown) {
    return Promise.reject(toError(thrown));
  }
  const output = outputOf(handle);
  // Code that has several runs under way awaits one after the other: if all of them are cancelled, the rejection of the
  // second must not end the process. How a run ended is in its events and in the log. Only the caller of a direct run
  // that is part of nothing knows of it: a rejection that it does not handle is its defect.
  if (handle.isConducted) output.catch(ignore);
  return output;
}

function outputOf(handle: RunHandle): Promise<RunOutput> {
  return handle.settled.then(({ output, error }) => {
    if (error) throw error;
    return output;
  });
}

function ignore(): void {
  // See run().
}
