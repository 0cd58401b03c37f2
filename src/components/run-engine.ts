import type { RunMetrics, ToolExecution } from '../model/run-output.js';
import type { ComponentRun } from '../runs/run.component.js';
import {
  Engine,
  type EngineEvent,
  type EngineLike,
  type EngineOutput,
  type EngineRequest,
  type EngineUsage,
  type EngineYield,
} from './engine.js';

/**
 * Runs an engine and writes what it yields into the run. Awaits the reader between events, so that a slow reader
 * slows the engine instead of filling the memory.
 */
export async function runEngine<R extends EngineRequest>(
  engine: EngineLike<R>,
  request: R,
  run: ComponentRun,
): Promise<void> {
  const answer = engine instanceof Engine ? engine.stream(request) : await engine(request);
  if (typeof answer === 'string' || !isIterable(answer)) return take(answer, run);
  for await (const item of answer) await take(item, run);
}

/** The question, after the questions and answers before it. */
export async function engineRequestOf(run: ComponentRun, historyRuns: number): Promise<EngineRequest> {
  const { input, context, signal } = run;
  const question = { role: 'user', content: input.content, createdAt: run.output.createdAt } as const;
  const history = await run.history(historyRuns);
  return { input: input.content, messages: [...history, question], context, signal };
}

async function take(item: EngineYield, run: ComponentRun): Promise<void> {
  if (typeof item === 'string') return run.appendContent(item);
  if (!isRecord(item))
    throw new TypeError(
      `Expected the engine to answer with text, events or { content }, got ${String(item)}.`,
    );
  if ('type' in item) return takeEvent(item, run);
  return takeOutput(item, run);
}

async function takeEvent(event: EngineEvent, run: ComponentRun): Promise<void> {
  switch (event.type) {
    case 'text':
      return run.appendContent(event.text);
    case 'tool-call': {
      const tool: ToolExecution = { id: event.id, name: event.name, arguments: event.arguments };
      run.output.tools.push(tool);
      return run.emit({ type: 'tool-call-started', tool });
    }
    case 'tool-result':
      return takeToolResult(event, run);
    case 'usage':
      return addUsage(run.output.metrics, event);
    case 'data':
      run.output.data = event.data;
      return;
    default:
      throw new TypeError(
        `The engine reported an unknown event: ${JSON.stringify((event satisfies never as { type: unknown }).type)}.`,
      );
  }
}

function takeToolResult(
  { id, result, failed = false }: Extract<EngineEvent, { type: 'tool-result' }>,
  run: ComponentRun,
): Promise<void> | undefined {
  // The last one: there are providers that number the calls of each answer anew.
  const tool = run.output.tools.findLast((known) => known.id === id);
  if (!tool) throw new TypeError(`The engine reported a result for an unknown tool call: "${id}".`);
  Object.assign(tool, { result, failed });
  return run.emit(
    failed ? { type: 'tool-call-failed', tool, error: result } : { type: 'tool-call-completed', tool },
  );
}

async function takeOutput(
  { content, data, metrics, metadata, tools }: EngineOutput,
  run: ComponentRun,
): Promise<void> {
  if (typeof content !== 'string') {
    throw new TypeError(
      `Expected the engine's output to have content of type string, got ${typeof content}.`,
    );
  }
  if (data !== undefined) run.output.data = data;
  if (metrics) addUsage(run.output.metrics, metrics);
  if (tools) run.output.tools.push(...tools);
  Object.assign(run.output.metadata, metadata);
  await run.appendContent(content);
}

const TOKENS = ['inputTokens', 'outputTokens', 'totalTokens', 'reasoningTokens', 'cacheReadTokens'] as const;

/** Engines that call a model several times report each call. */
function addUsage(metrics: RunMetrics, usage: EngineUsage): void {
  for (const key of TOKENS) {
    const added = usage[key];
    if (added !== undefined) metrics[key] = (metrics[key] ?? 0) + added;
  }
}

function isIterable(value: object): value is AsyncIterable<EngineYield> | Iterable<EngineYield> {
  return value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
