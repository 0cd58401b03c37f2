import { asSchema, type ToolSet } from 'ai';

import { toError } from '../data/to-error.js';
import type { RunContext } from '../model/run-context.js';
import { currentScope } from '../runs/scope.js';
import type { ReportedCalls } from './reported.calls.js';
import { reportToolFailure, type FailingRun } from './tool.failures.js';

/** The key of the run's context in the options of a tool's `execute`. */
const RUN_CONTEXT = Symbol('nestjs-agentos run context');

type AnyTool = ToolSet[string];
type Execute = NonNullable<AnyTool['execute']>;
type ExecuteOptions = Parameters<Execute>[1];
type ToModelOutput = NonNullable<AnyTool['toModelOutput']>;

/**
 * The context of the run that calls a tool. The tool's changes to `sessionState` are saved with the session.
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

/** The AI SDK's own context for tools: version 6 has one for all tools, version 7 one for each. */
export function contextSettings(tools: ToolSet, context: RunContext): object {
  const toolsContext = Object.fromEntries(Object.keys(tools).map((name) => [name, context]));
  return { experimental_context: context, toolsContext };
}

/** A run that calls tools. */
export interface CallingRun extends FailingRun {
  readonly calls: ReportedCalls;
}

/**
 * Binds the tools to one run: they get its context, and the model receives errors of their functions as safe messages.
 */
export function bindTools(tools: ToolSet, run: CallingRun): ToolSet {
  return Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, bindTool(name, tool, run)]));
}

function bindTool(name: string, tool: AnyTool, run: CallingRun): AnyTool {
  const { execute, toModelOutput } = tool;
  const earlier = new Map<string, unknown>();
  return {
    ...tool,
    inputSchema: bindSchema(name, tool.inputSchema, run),
    ...bindCallbacks(name, tool, run, earlier),
    ...(execute ? { execute: bindExecute(name, tool, execute, run, earlier) } : {}),
    ...(toModelOutput ? { toModelOutput: bindModelOutput(name, tool, toModelOutput, run) } : {}),
  };
}

/** Callbacks of a tool that the AI SDK calls before execution. */
const CALLBACKS = ['onInputStart', 'onInputDelta', 'onInputAvailable', 'needsApproval'] as const;

/**
 * Without this, an error of a callback would fail the run as a provider error. With it, the tool counts as failed and
 * is not executed.
 *
 * @param earlier - receives the error with which a failed call ends instead of being executed, by call id
 */
function bindCallbacks(name: string, tool: AnyTool, run: CallingRun, earlier: Map<string, unknown>): object {
  const functions = CALLBACKS.flatMap((key) => {
    const callback: unknown = tool[key];
    return typeof callback === 'function' ? [[key, callback] as const] : [];
  });
  return Object.fromEntries(
    functions.map(([key, callback]) => [
      key,
      async (...given: readonly unknown[]): Promise<unknown> => {
        try {
          return (await Reflect.apply(callback, tool, given)) as unknown;
        } catch (thrown) {
          const { toolCallId } = (key === 'needsApproval' ? given[1] : given[0]) as { toolCallId: string };
          // onInputDelta is called for each piece of the input.
          if (!earlier.has(toolCallId)) earlier.set(toolCallId, reportToolFailure(name, thrown, run));
          return undefined;
        }
      },
    ]),
  );
}

function bindExecute(
  name: string,
  tool: AnyTool,
  execute: Execute,
  run: CallingRun,
  earlier: ReadonlyMap<string, unknown>,
): Execute {
  return async function* (input: unknown, options: ExecuteOptions): AsyncGenerator<unknown> {
    const { toolCallId } = options;
    await run.calls.reported(toolCallId);
    if (earlier.has(toolCallId)) throw earlier.get(toolCallId);
    const tell = (error: Error): string => toError(reportToolFailure(name, error, run)).message;
    try {
      const context = { [RUN_CONTEXT]: run.context };
      const call = (): unknown => execute.call(tool, input as never, { ...options, ...context });
      const answer = inToolCall(toolCallId, call);
      if (isAsyncIterable(answer)) for await (const piece of answer) yield toAnswer(piece, tell);
      else yield toAnswer(await answer, tell);
    } catch (thrown) {
      throw reportToolFailure(name, thrown, run);
    }
  };
}

/** Runs the callback in the span of the call, if the run is traced. */
function inToolCall<R>(id: string, callback: () => R): R {
  const { run } = currentScope();
  return run ? run.enterWork({ kind: 'tool-call', id }, callback) : callback();
}

/** Issues of a schema are sent to the model; a schema that throws is a failure of the tool. */
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
  // The AI SDK converts the same result several times; a failure is reported once.
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

/**
 * Fails here if a result cannot be serialized as JSON: it would otherwise break the next model call, far from the
 * tool. An error that a tool returns counts as thrown; one inside other data is replaced by its text for the model.
 */
function toAnswer(value: unknown, tell: (error: Error) => string): unknown {
  if (value instanceof Error) throw value;
  let holdsErrors = false;
  const json = JSON.stringify(value, function (this: object, key: string, item: unknown) {
    // The value before its own `toJSON`.
    const original: unknown = Reflect.get(this, key);
    if (!(original instanceof Error)) return item;
    holdsErrors = true;
    return tell(original);
  }) as string | undefined;
  return holdsErrors && json !== undefined ? JSON.parse(json) : value;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
