import { HttpException, Logger } from '@nestjs/common';
import type { ToolSet } from 'ai';

import { AgentRunError } from '../errors/agent-run.error.js';
import { CheckError } from '../errors/check.errors.js';
import { toError } from '../errors/to-error.js';
import type { RunContext } from '../model/run-context.js';
import type { ReportedCalls } from './reported.calls.js';
import { ToolFailure } from './tool.failure.js';

/** Under which a tool finds the run's context among the options of its `execute`. */
const RUN_CONTEXT = Symbol('nestjs-agentos run context');

type AnyTool = ToolSet[string];
type ExecuteOptions = Parameters<NonNullable<AnyTool['execute']>>[1];

/**
 * The context of the run that calls a tool. What the tool writes into `sessionState` is saved with the session.
 *
 * @param options - the second argument of the tool's `execute`
 * @throws TypeError if it is not called from a tool of an `aiSdk()` engine
 *
 * @example
 * ```ts
 * const remember = tool({
 *   description: 'Remembers a fact about the user.',
 *   inputSchema: z.object({ fact: z.string() }),
 *   execute: ({ fact }, options) => {
 *     const { sessionState } = runContextOf(options);
 *     sessionState.fact = fact;
 *     return 'Noted.';
 *   },
 * });
 * ```
 */
export function runContextOf(options: object): RunContext {
  const context = (options as { [RUN_CONTEXT]?: RunContext })[RUN_CONTEXT];
  if (context) return context;
  throw new TypeError(
    'runContextOf() expects the second argument of the execute function of a tool that an aiSdk() engine calls.',
  );
}

/** How the AI SDK itself hands a context to tools: version 6 one for all, version 7 one for each. */
export function contextSettings(tools: ToolSet, context: RunContext): object {
  const toolsContext = Object.fromEntries(Object.keys(tools).map((name) => [name, context]));
  return { experimental_context: context, toolsContext };
}

/** The run that calls tools. */
export interface CallingRun {
  readonly context: RunContext;
  readonly signal: AbortSignal;
  readonly calls: ReportedCalls;
  /** Ends the run with an error. */
  readonly end: (error: unknown) => void;
}

/** The tools, for one run: they know its context, and their failures are sorted. */
export function bindTools(tools: ToolSet, run: CallingRun): ToolSet {
  return Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, bindTool(name, tool, run)]));
}

function bindTool(name: string, tool: AnyTool, run: CallingRun): AnyTool {
  const { execute } = tool;
  if (!execute) return tool;
  const bound = async function* (input: unknown, options: ExecuteOptions): AsyncGenerator<unknown> {
    try {
      await run.calls.reported(options.toolCallId);
      const context = { [RUN_CONTEXT]: run.context };
      const answer: unknown = execute.call(tool, input as never, { ...options, ...context });
      if (isAsyncIterable(answer)) for await (const piece of answer) yield checkJson(piece);
      else yield checkJson(await answer);
    } catch (thrown) {
      throw sortFailure(name, thrown, run);
    }
  };
  return { ...tool, execute: bound };
}

/** What is no JSON could not be sent to the model, and would break its next call, far from the tool. */
function checkJson(value: unknown): unknown {
  JSON.stringify(value);
  return value;
}

/** @returns what is thrown instead: for the model to read, with what the client may read */
function sortFailure(name: string, thrown: unknown, { context, signal, end }: CallingRun): unknown {
  if (signal.aborted) return thrown;
  if (isVerdict(thrown, context)) {
    end(thrown);
    return thrown;
  }
  if (thrown instanceof AgentRunError && Object.hasOwn(thrown, 'runOutput')) {
    // The run that it belongs to has logged it, if it was worth that.
    return new ToolFailure(thrown.publicMessage, thrown, true);
  }
  const { message, stack } = toError(thrown);
  const isAnswer = thrown instanceof HttpException && thrown.getStatus() < 500;
  const logger = new Logger('AgentOs');
  const report = `Tool "${name}" failed in run ${context.runId}: ${message}`;
  if (isAnswer) logger.warn(report);
  else logger.error(report, stack);
  return new ToolFailure(message, thrown, isAnswer);
}

/** A check error of the tool itself is a verdict on this run; that of a run which the tool started was one on that. */
function isVerdict(thrown: unknown, { runId }: RunContext): boolean {
  if (!(thrown instanceof CheckError)) return false;
  const judged = thrown.runOutput as CheckError['runOutput'] | undefined;
  return judged?.parentRunId !== runId;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
