import { asSchema, type ToolSet } from 'ai';

import { toError } from '../errors/to-error.js';
import type { RunContext } from '../model/run-context.js';
import type { ReportedCalls } from './reported.calls.js';
import { reportToolFailure, type FailingRun } from './tool.failures.js';

/** Under which a tool finds the run's context among the options of its `execute`. */
const RUN_CONTEXT = Symbol('nestjs-agentos run context');

type AnyTool = ToolSet[string];
type Execute = NonNullable<AnyTool['execute']>;
type ExecuteOptions = Parameters<Execute>[1];
type ToModelOutput = NonNullable<AnyTool['toModelOutput']>;

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
export interface CallingRun extends FailingRun {
  readonly calls: ReportedCalls;
}

/**
 * The tools, for one run: they know its context, and errors of their functions are told to the model in words
 * that are safe.
 */
export function bindTools(tools: ToolSet, run: CallingRun): ToolSet {
  return Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, bindTool(name, tool, run)]));
}

function bindTool(name: string, tool: AnyTool, run: CallingRun): AnyTool {
  const { execute, toModelOutput } = tool;
  return {
    ...tool,
    inputSchema: bindSchema(name, tool.inputSchema, run),
    ...(execute ? { execute: bindExecute(name, tool, execute, run) } : {}),
    ...(toModelOutput ? { toModelOutput: bindModelOutput(name, tool, toModelOutput, run) } : {}),
  };
}

function bindExecute(name: string, tool: AnyTool, execute: Execute, run: CallingRun): Execute {
  return async function* (input: unknown, options: ExecuteOptions): AsyncGenerator<unknown> {
    try {
      await run.calls.reported(options.toolCallId);
      const context = { [RUN_CONTEXT]: run.context };
      const answer: unknown = execute.call(tool, input as never, { ...options, ...context });
      if (isAsyncIterable(answer)) for await (const piece of answer) yield checkJson(piece);
      else yield checkJson(await answer);
    } catch (thrown) {
      throw reportToolFailure(name, thrown, run);
    }
  };
}

/** A schema that finds the input invalid tells the model why; one that throws has failed. */
function bindSchema(name: string, schema: AnyTool['inputSchema'], run: CallingRun): AnyTool['inputSchema'] {
  const bound = asSchema(schema);
  const { validate } = bound;
  if (!validate) return schema;
  return {
    ...bound,
    validate: async (value: unknown) => {
      try {
        return await validate(value);
      } catch (thrown) {
        return { success: false, error: toError(reportToolFailure(name, thrown, run)) };
      }
    },
  };
}

function bindModelOutput(
  name: string,
  tool: AnyTool,
  toModelOutput: ToModelOutput,
  run: CallingRun,
): ToModelOutput {
  // The AI SDK asks several times for the same result; a failure is reported once.
  const failures = new Map<string, { readonly output: unknown; readonly value: string }>();
  return async (options: Parameters<ToModelOutput>[0]) => {
    const { toolCallId } = options;
    const output: unknown = options.output;
    const known = failures.get(toolCallId);
    if (known && known.output === output) return { type: 'error-text' as const, value: known.value };
    try {
      return await toModelOutput.call(tool, options);
    } catch (thrown) {
      const { message: value } = toError(reportToolFailure(name, thrown, run));
      failures.set(toolCallId, { output, value });
      return { type: 'error-text' as const, value };
    }
  };
}

/** What is no JSON could not be sent to the model, and would break its next call, far from the tool. */
function checkJson(value: unknown): unknown {
  JSON.stringify(value);
  return value;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
