import { isRecord } from '../data/is-record.js';
import type { Message } from '../model/message.js';
import type { RunFile, RunFileKind } from '../model/run-input.js';
import type { RunSource } from '../model/run-source.js';
import { USAGE_FIELDS, withTotal } from '../model/run-usage.js';
import { showValue } from '../model/show-value.js';
import type { ToolExecution } from '../model/tool-execution.js';
import type { AnswerParts, ComponentRun } from '../runs/component.port.js';
import {
  Engine,
  type EngineEvent,
  type EngineLike,
  type EngineOutput,
  type EngineRequest,
  type EngineUsage,
  type EngineYield,
} from './engine.js';

/** The answer of an engine: whole, or in pieces. */
type EngineAnswer = EngineYield | AsyncIterable<EngineYield> | Iterable<EngineYield>;

/**
 * Runs an engine and writes its events into the run. Awaits the reader between events, so that a slow reader
 * slows the engine instead of filling the memory.
 *
 * @returns nothing if there is nothing to wait for
 */
export function runEngine<R extends EngineRequest>(
  engine: EngineLike<R>,
  request: R,
  run: ComponentRun,
): Promise<void> | undefined {
  const given = engine instanceof Engine ? engine.stream(request) : engine(request);
  return isPromise(given) ? takePromised(given, run) : takeAnswer(given, run);
}

async function takePromised(promised: PromiseLike<EngineAnswer>, run: ComponentRun): Promise<void> {
  const taken = takeAnswer(await promised, run);
  if (taken) await taken;
}

function takeAnswer(answer: EngineAnswer, run: ComponentRun): Promise<void> | undefined {
  return isIterable(answer) ? takeItems(answer, run) : take(answer, run);
}

async function takeItems(
  items: AsyncIterable<EngineYield> | Iterable<EngineYield>,
  run: ComponentRun,
): Promise<void> {
  for await (const item of items) {
    const taken = take(item, run);
    if (taken) await taken;
  }
}

/** The question, after the questions and answers before it. */
export function engineRequestOf(run: ComponentRun, history: readonly Message[] = []): EngineRequest {
  const { input, context } = run;
  const { createdAt, runId: id } = run.output;
  const question = { id, role: 'user', content: input.content, createdAt } as const;
  const messages = [...history, question];
  return {
    input: input.content,
    messages,
    files: input.files ?? [],
    context,
    get signal() {
      return run.signal;
    },
  };
}

function take(item: EngineYield, run: ComponentRun): Promise<void> | undefined {
  run.throwIfAbandoned();
  if (typeof item === 'string') return run.addText(item);
  if (!isRecord(item))
    throw wrong(run, `answered with ${showValue(item)}; expected text, events or { content }`);
  if ('type' in item) return takeEvent(item, run);
  return takeOutput(item, run);
}

function takeEvent(event: EngineEvent, run: ComponentRun): Promise<void> | undefined {
  switch (event.type) {
    case 'text':
      checkTexts(event, ['text'], run);
      return run.addText(event.text);
    case 'reasoning':
      checkTexts(event, ['text'], run);
      return run.addReasoning(event.text);
    case 'source':
      checkSource(event.source, 'reported', run);
      return run.addSource(event.source);
    case 'file':
      checkFile(event.file, 'reported', run);
      return run.addFile(event.file);
    case 'model-request-started':
      return run.startRequest();
    case 'model-request-completed':
      checkUsage(event, event.type, run);
      return takeRequestEnd(event, run);
    case 'tool-call':
      checkTexts(event, ['id', 'name'], run);
      if (!isRecord(event.arguments))
        throw wrong(
          run,
          `reported "tool-call" whose arguments are ${showValue(event.arguments)}; expected an object`,
        );
      return run.startTool({ id: event.id, name: event.name, arguments: event.arguments });
    case 'tool-result':
      checkTexts(event, ['id', 'result'], run);
      return takeToolResult(event, run);
    case 'usage':
      checkUsage(event, event.type, run);
      run.addUsage(withTotal(event));
      return undefined;
    case 'data':
      run.setData(event.data);
      return undefined;
    default:
      throw wrong(
        run,
        `reported an unknown event: ${showValue((event satisfies never as { type: unknown }).type)}`,
      );
  }
}

type EventOf<T extends EngineEvent['type']> = Extract<EngineEvent, { readonly type: T }>;

function takeRequestEnd(
  { type: _, ...reported }: EventOf<'model-request-completed'>,
  run: ComponentRun,
): Promise<void> | undefined {
  return run.endRequest(withTotal(reported));
}

function takeToolResult(
  { id, result, failed = false }: EventOf<'tool-result'>,
  run: ComponentRun,
): Promise<void> | undefined {
  if (!run.hasTool(id)) throw wrong(run, `reported a result for an unknown tool call: ${JSON.stringify(id)}`);
  return run.endTool(id, result, failed);
}

function takeOutput(
  { content, data, metrics, finishReason, metadata, tools, ...others }: EngineOutput,
  run: ComponentRun,
): Promise<void> | undefined {
  const { reasoning, sources, files } = others;
  if (typeof content !== 'string')
    throw wrong(run, `answered with an object whose content is ${showValue(content)}; expected a text`);
  for (const [name, value] of Object.entries({ metrics, metadata }))
    if (value !== undefined && !isRecord(value))
      throw wrong(run, `answered with ${name} that are ${showValue(value)}; expected an object`);
  if (reasoning !== undefined && typeof reasoning !== 'string')
    throw wrong(run, `answered with a reasoning that is ${showValue(reasoning)}; expected a text`);
  for (const [name, value] of Object.entries({ tools, sources, files }))
    if (value !== undefined && !isList(value))
      throw wrong(run, `answered with ${name} that are ${showValue(value)}; expected an array`);
  for (const tool of tools ?? []) checkTool(tool, run);
  for (const source of sources ?? []) checkSource(source, 'answered with', run);
  for (const file of files ?? []) checkFile(file, 'answered with', run);
  if (metrics) checkUsage(metrics, 'metrics', run);
  if (data !== undefined) run.setData(data);
  if (metrics) run.addUsage(withTotal(metrics));
  if (finishReason !== undefined) run.setFinishReason(finishReason);
  if (tools) run.addTools(tools);
  if (metadata) run.addMetadata(metadata);
  if (reasoning === undefined && !sources && !files) return run.addText(content);
  return addAnswer({ content, reasoning, sources, files }, run);
}

/** Streams a whole answer. */
export async function addAnswer(
  { content, reasoning = '', sources = [], files = [] }: AnswerParts,
  run: ComponentRun,
): Promise<void> {
  await run.addReasoning(reasoning);
  await run.addText(content);
  for (const source of sources) await run.addSource(source);
  for (const file of files) await run.addFile(file);
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function isIterable(value: unknown): value is AsyncIterable<EngineYield> | Iterable<EngineYield> {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}

function checkTexts<E extends EngineEvent>(event: E, fields: readonly (keyof E)[], run: ComponentRun): void {
  for (const field of fields) {
    const value: unknown = event[field];
    if (typeof value !== 'string')
      throw wrong(
        run,
        `reported "${event.type}" whose ${String(field)} is ${showValue(value)}; expected a text`,
      );
  }
}

/** With an invalid tool call, clients would see a call without a name, or get no answer at all. */
function checkTool(tool: ToolExecution, run: ComponentRun): void {
  const answered = 'answered with a tool call';
  if (!isRecord(tool)) throw wrong(run, `${answered} that is ${showValue(tool)}; expected an object`);
  const { id, name, arguments: given, result = '' }: Readonly<Record<string, unknown>> = tool;
  for (const [field, value] of Object.entries({ id, name, result }))
    if (typeof value !== 'string')
      throw wrong(run, `${answered} whose ${field} is ${showValue(value)}; expected a text`);
  if (!isRecord(given))
    throw wrong(run, `${answered} whose arguments are ${showValue(given)}; expected an object`);
}

/** With an invalid source, clients would get a link to nothing, or no answer at all. */
function checkSource(source: RunSource, how: string, run: ComponentRun): void {
  if (!isRecord(source)) throw wrong(run, `${how} a source that is ${showValue(source)}; expected an object`);
  const { kind, id, url, title, excerpt, mediaType, name }: Readonly<Record<string, unknown>> = source;
  if (kind !== 'url' && kind !== 'document')
    throw wrong(run, `${how} a source whose kind is ${showValue(kind)}; expected "url" or "document"`);
  const required = kind === 'url' ? { id, url } : { id, title };
  checkFields(required, { title, excerpt, mediaType, name }, `${how} a source`, run);
}

const FILE_KINDS: readonly unknown[] = ['image', 'audio', 'video', 'file'] satisfies readonly RunFileKind[];

function checkFile(file: RunFile, how: string, run: ComponentRun): void {
  if (!isRecord(file)) throw wrong(run, `${how} a file that is ${showValue(file)}; expected an object`);
  const { kind, id, name, mediaType, content, url }: Readonly<Record<string, unknown>> = file;
  if (!FILE_KINDS.includes(kind))
    throw wrong(
      run,
      `${how} a file whose kind is ${showValue(kind)}; expected "image", "audio", "video" or "file"`,
    );
  if ((content === undefined) === (url === undefined))
    throw wrong(
      run,
      `${how} a file with ${content === undefined ? 'no' : 'a'} content and ${url === undefined ? 'no' : 'a'} url; expected one of them`,
    );
  checkFields({ id }, { name, mediaType, content, url }, `${how} a file`, run);
}

function checkFields(required: object, optional: object, what: string, run: ComponentRun): void {
  for (const [field, value] of Object.entries(required))
    if (typeof value !== 'string')
      throw wrong(run, `${what} whose ${field} is ${showValue(value)}; expected a text`);
  for (const [field, value] of Object.entries(optional))
    if (value !== undefined && typeof value !== 'string')
      throw wrong(run, `${what} whose ${field} is ${showValue(value)}; expected a text`);
}

const NUMBERS = [...USAGE_FIELDS, 'timeToFirstToken'] as const;

/** Adding strings would concatenate them. Unknown fields of an engine are not passed on. */
function checkUsage(
  usage: EngineUsage & { timeToFirstToken?: number },
  where: string,
  run: ComponentRun,
): void {
  for (const field of NUMBERS) {
    const value: unknown = usage[field];
    if (value === undefined || typeof value === 'number') continue;
    throw wrong(run, `reported "${where}" whose ${field} is ${showValue(value)}; expected a number`);
  }
}

function wrong({ output: { component } }: ComponentRun, problem: string): TypeError {
  return new TypeError(`The engine of ${component.kind} "${component.id}" ${problem}.`);
}

function isList(value: unknown): boolean {
  return Array.isArray(value);
}
