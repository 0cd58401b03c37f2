import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';

import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { textOfFile } from '../model/file.text.js';
import type { Message } from '../model/message.js';
import type { PlainRecord } from '../model/run-context.js';
import type { RunFile } from '../model/run-input.js';
import type { RunOutput, StepOutput } from '../model/run-output.js';
import type { RunSource } from '../model/run-source.js';
import type { ToolExecution } from '../model/tool-execution.js';

/**
 * The places of a run that a guardrail checks besides the question or the answer itself.
 *
 * - `files`: names, texts and metadata of the files that came with the question, or that are part of the answer
 * - `metadata`: for the input, the caller's metadata; for the output, the metadata that the engine has added
 * - `dependencies`, `sessionState`: input only, as hooks and engine get them
 * - `tools`: output only, arguments and results of tool calls
 */
export type GuardedSurface = (typeof GUARDED_SURFACES)[number];

export const GUARDED_SURFACES = ['files', 'metadata', 'dependencies', 'sessionState', 'tools'] as const;

/** A guardrail's check of the places of a run. */
export interface Look {
  /** Checks the value of one place, and returns its replacement. */
  of<T>(value: T): T;
  /** Called for files that cannot be searched. */
  opaque(): void;
  readonly ignored: ReadonlySet<GuardedSurface>;
}

/** Replaces the checked values of the run with their copies. */
export type Apply = () => void;

/** Checks the whole input of a run. */
export function lookAtInput({ runInput, runContext }: PreHookContext, look: Look): Apply {
  const { ignored } = look;
  const content = look.of(runInput.content);
  const files = ignored.has('files') ? runInput.files : runInput.files?.map((file) => fileCopy(file, look));
  const records = (['metadata', 'dependencies', 'sessionState'] as const)
    .filter((name) => !ignored.has(name))
    .map((name) => [runContext[name], look.of(runContext[name])] as const);
  return () => {
    runInput.content = content;
    if (files) runInput.files = files;
    // In place: the session and the runs below reference the same records.
    for (const [record, copied] of records) become(record, copied);
  };
}

/**
 * Checks all parts of the output that a client may read: the answer, and the results that led to it. Ids and the inputs
 * of members and steps are not included.
 */
export function lookAtOutput(
  { runOutput, runContext }: PostHookContext,
  look: Look,
  given: PlainRecord,
): Apply {
  const copied = outputCopy(runOutput, look, given);
  return () => {
    const { metadata, ...others } = copied;
    const shared = runOutput.metadata;
    Object.assign(runOutput, others);
    if (metadata === undefined) return;
    become(shared, metadata);
    if (runContext.metadata !== shared) become(runContext.metadata, metadata);
  };
}

function outputCopy(output: RunOutput, look: Look, given: PlainRecord): Partial<RunOutput> {
  const { ignored } = look;
  const { content, reasoning, sources, files, data, metadata, memberResponses, stepResults } = output;
  return {
    content: look.of(content),
    ...(reasoning === undefined ? {} : { reasoning: look.of(reasoning) }),
    ...(sources === undefined ? {} : { sources: sources.map((source) => sourceCopy(source, look)) }),
    ...(files === undefined || ignored.has('files')
      ? {}
      : { files: files.map((file) => fileCopy(file, look)) }),
    ...(data === undefined ? {} : { data: look.of(data) }),
    ...(ignored.has('tools') ? {} : { tools: output.tools.map((tool) => toolCopy(tool, look)) }),
    messages: output.messages.map((message) => messageCopy(message, look)),
    ...(ignored.has('metadata') ? {} : { metadata: addedCopy(metadata, look, given) }),
    memberResponses: memberResponses.map((member) => ({ ...member, ...outputCopy(member, look, given) })),
    stepResults: stepResults.map((step) => stepCopy(step, look)),
  };
}

/** Checks added metadata only: the caller's metadata is not part of the answer. */
function addedCopy(metadata: PlainRecord, look: Look, given: PlainRecord): PlainRecord {
  const isGiven = ([name, value]: [string, unknown]): boolean =>
    Object.hasOwn(given, name) && isDeepStrictEqual(given[name], value);
  const added = Object.fromEntries(Object.entries(metadata).filter((entry) => !isGiven(entry)));
  return { ...Object.fromEntries(Object.entries(metadata).filter(isGiven)), ...look.of(added) };
}

function toolCopy(tool: ToolExecution, look: Look): ToolExecution {
  const { arguments: given, result, childRunId } = tool;
  return {
    ...tool,
    // The arguments of a call that delegates to a member are the member's input.
    arguments: childRunId === undefined ? look.of(given) : given,
    ...(result === undefined ? {} : { result: look.of(result) }),
  };
}

/** Messages of the user and the system are not part of the answer. */
function messageCopy(message: Message, look: Look): Message {
  const { role, content, toolCalls, toolCall } = message;
  if (role !== 'assistant' && role !== 'tool') return message;
  const isTold = role === 'assistant' || !look.ignored.has('tools');
  return {
    ...message,
    content: isTold ? look.of(content) : content,
    ...(toolCalls && !look.ignored.has('tools')
      ? { toolCalls: toolCalls.map((call) => toolCopy(call, look)) }
      : {}),
    ...(toolCall && !look.ignored.has('tools') ? { toolCall: toolCopy(toolCall, look) } : {}),
  };
}

function stepCopy(step: StepOutput, look: Look): StepOutput {
  const { content, data, error, steps } = step;
  return {
    ...step,
    content: look.of(content),
    ...(data === undefined ? {} : { data: look.of(data) }),
    ...(error === undefined ? {} : { error: look.of(error) }),
    ...(steps === undefined ? {} : { steps: steps.map((inner) => stepCopy(inner, look)) }),
  };
}

/** A masked link leads nowhere, but shows that there was one. */
function sourceCopy(source: RunSource, look: Look): RunSource {
  const { id: _, kind: __, ...texts } = source;
  return { ...source, ...look.of(texts) };
}

function fileCopy(file: RunFile, look: Look): RunFile {
  const { name, url, metadata } = file;
  const text = readableText(file);
  if (text === undefined) look.opaque();
  const looked = text === undefined ? undefined : look.of(text);
  return {
    ...file,
    ...(name === undefined ? {} : { name: look.of(name) }),
    ...(url === undefined ? {} : { url: look.of(url) }),
    ...(metadata === undefined ? {} : { metadata: look.of(metadata) }),
    ...(looked === undefined || looked === text ? {} : { content: encode(file, looked) }),
  };
}

/** The text of a file, recognised by its type or its bytes: custom engines may read any file. */
function readableText(file: RunFile): string | undefined {
  const text = textOfFile(file);
  if (text !== undefined || file.content === undefined) return text;
  const bytes = Buffer.from(file.content, 'base64');
  return isUtf8(bytes) && !bytes.some(isControl) ? bytes.toString() : undefined;
}

/** A control byte, which texts do not contain, except white space and terminal escapes. */
function isControl(byte: number): boolean {
  return byte < 0x09 || (byte > 0x0d && byte < 0x20 && byte !== 0x1b);
}

/** Encodes as UTF-8, with a byte order mark if the file declares another encoding. */
function encode(file: RunFile, text: string): string {
  const content = Buffer.from(text).toString('base64');
  return (readableText({ ...file, content }) ?? text) === text
    ? content
    : Buffer.from(`\ufeff${text}`).toString('base64');
}

function become(record: PlainRecord, copied: PlainRecord): void {
  if (isDeepStrictEqual(record, copied)) return;
  for (const key of Object.keys(record)) delete record[key];
  for (const [key, value] of Object.entries(copied)) {
    Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  }
}
