import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { AgentRunError } from '../errors/agent-run.error.js';
import { CheckError } from '../errors/check.errors.js';
import { forLog, quoted, reasonOf } from '../errors/log.text.js';
import { toReadable } from '../data/to-error.js';
import type { RunContext } from '../model/run-context.js';
import { TOOL_FAILED, ToolError } from './tool.error.js';

/** The run whose tool failed. */
export interface FailingRun {
  readonly context: RunContext;
  readonly signal: AbortSignal;
  /** Ends the run with an error. */
  readonly end: (error: unknown) => void;
}

/**
 * Reports an error of a tool, once.
 *
 * @returns the error for the AI SDK: its message is safe for the model and for clients
 */
export function reportToolFailure(tool: string, whatever: unknown, run: FailingRun): unknown {
  const { context, signal, end } = run;
  if (signal.aborted) return new ToolError(TOOL_FAILED, { cause: whatever });
  const thrown = toReadable(whatever);
  if (isVerdict(thrown, context)) {
    end(thrown);
    return thrown;
  }
  // The run of this error has already logged it if necessary.
  if (isOfRun(thrown)) return new ToolError(thrown.publicMessage, { cause: thrown });
  const logger = new AgentOsLogger();
  const failure = `Tool ${quoted(tool)} failed in run ${context.runId}`;
  if (thrown instanceof ToolError) {
    logger.warn(`${failure}: ${reasonOf(thrown)}${describeCause(thrown)}`);
    return new ToolError(thrown.message, { cause: thrown });
  }
  const { reason, stack } = forLog(thrown);
  logger.error(`${failure}: ${reason}`, stack);
  return new ToolError(TOOL_FAILED, { cause: thrown });
}

/** A check error of the tool itself is a verdict on this run; one of a run that the tool started is not. */
function isVerdict(thrown: unknown, { runId }: RunContext): boolean {
  if (!(thrown instanceof CheckError)) return false;
  const judged = thrown.runOutput as CheckError['runOutput'] | undefined;
  return judged?.parentRunId !== runId;
}

function isOfRun(thrown: unknown): thrown is AgentRunError {
  return thrown instanceof AgentRunError && Object.hasOwn(thrown, 'runOutput');
}

function describeCause({ cause }: ToolError): string {
  return cause === undefined ? '' : ` (cause: ${reasonOf(cause)})`;
}
