import type { RunEvent } from '../model/run-event.js';
import type { RunFile } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { RunSource } from '../model/run-source.js';
import type { ToolExecution } from '../model/tool-execution.js';
import { toMessageId, type AgUiEvent } from './ag-ui.js';
import { toWireAnswerFile } from './answers.js';
import { toJsonObject } from './schema.js';

/** An event that shows a part of an answer. */
export type AgUiAnswerEvent = Extract<
  AgUiEvent,
  { readonly type: `TEXT_${string}` | `REASONING_${string}` | `TOOL_${string}` | 'CUSTOM' }
>;

/** The run below the root that an answer belongs to; absent for the answer of the root itself. */
export interface AgUiOwner {
  readonly subagentRunId?: string;
}

/** A text or a reasoning message that is being written. */
interface OpenMessage {
  readonly type: 'text' | 'reasoning';
  readonly messageId: string;
}

/** A message of the assistant, with its text and the calls of tools. */
interface AssistantMessage {
  readonly messageId: string;
  hasCalls: boolean;
  hasResults: boolean;
}

/** The answer of one run as messages of AG-UI, with its calls of tools, its sources and its files. */
export class AgUiAnswer {
  readonly #runId: string;
  readonly #owner: AgUiOwner;
  #open: OpenMessage | undefined;
  #message: AssistantMessage | undefined;
  #messages = 0;
  #hasText = false;
  /** The text of the answer so far. */
  #text = '';
  /** The ids of calls as clients get them, by the ids of the engine. */
  readonly #calls = new Map<string, string>();
  #callCount = 0;
  /** The sources and files that were sent, by their ids. */
  readonly #sent = new Set<string>();

  constructor(runId: string, owner: AgUiOwner) {
    this.#runId = runId;
    this.#owner = owner;
  }

  /** The events for the next event of the run; none for one that is not part of the answer. */
  take(event: RunEvent): readonly AgUiEvent[] {
    return this.#owned(this.#take(event));
  }

  /** The parts of the answer that were not streamed: a hook has added them, say, or they are the result of the last step. */
  complete({ content, sources = [], files = [] }: RunOutput): readonly AgUiEvent[] {
    const left = content.startsWith(this.#text) ? this.#writeText(content.slice(this.#text.length)) : [];
    return this.#owned([
      ...left,
      ...sources.flatMap((source) => this.#once(`source ${source.id}`, toSourceEvent(source))),
      ...files.flatMap((file) => this.#once(`file ${file.id}`, toFileEvent(file))),
    ]);
  }

  /** Ends the message that is being written. */
  end(): readonly AgUiEvent[] {
    return this.#owned(this.#endMessage());
  }

  #owned(events: readonly AgUiAnswerEvent[]): readonly AgUiEvent[] {
    return events.map((event) => ({ ...event, ...this.#owner }));
  }

  #take(event: RunEvent): readonly AgUiAnswerEvent[] {
    switch (event.type) {
      case 'model-request-started':
        this.#message = undefined;
        return this.#endMessage();
      case 'run-content':
        return this.#writeText(event.content);
      case 'run-reasoning':
        return this.#write('reasoning', event.content);
      case 'run-source':
        return this.#once(`source ${event.source.id}`, toSourceEvent(event.source));
      case 'run-file':
        return this.#once(`file ${event.file.id}`, toFileEvent(event.file));
      case 'tool-call-started':
        return this.#call(event.tool);
      case 'tool-call-completed':
        return this.#result(event.tool, event.tool.result ?? '');
      case 'tool-call-failed':
        return this.#result(event.tool, event.error, true);
      default:
        return [];
    }
  }

  #writeText(delta: string): readonly AgUiAnswerEvent[] {
    this.#text += delta;
    // A message with calls is complete: text after them is that of the next message.
    if (this.#message?.hasCalls) this.#message = undefined;
    // The empty lines between two messages belong to the answer as a whole.
    const isFirst = this.#open?.type !== 'text' || this.#open.messageId !== this.#message?.messageId;
    return this.#write('text', isFirst && this.#hasText ? delta.replace(/^\n+/, '') : delta);
  }

  #write(type: OpenMessage['type'], delta: string): readonly AgUiAnswerEvent[] {
    if (delta === '') return [];
    const messageId = type === 'text' ? this.#assistant().messageId : undefined;
    if (this.#open?.type === type && (messageId ?? this.#open.messageId) === this.#open.messageId)
      return [toDelta(this.#open, delta)];
    const ended = this.#endMessage();
    const opened: OpenMessage = { type, messageId: messageId ?? this.#newMessageId() };
    this.#open = opened;
    if (type === 'text') this.#hasText = true;
    return [...ended, ...toStart(opened), toDelta(opened, delta)];
  }

  /** The message of the assistant that is being made. */
  #assistant(): AssistantMessage {
    return (this.#message ??= { messageId: this.#newMessageId(), hasCalls: false, hasResults: false });
  }

  #endMessage(): readonly AgUiAnswerEvent[] {
    if (!this.#open) return [];
    const { type, messageId } = this.#open;
    this.#open = undefined;
    if (type === 'text') return [{ type: 'TEXT_MESSAGE_END', messageId }];
    return [
      { type: 'REASONING_MESSAGE_END', messageId },
      { type: 'REASONING_END', messageId },
    ];
  }

  #call(tool: ToolExecution): readonly AgUiAnswerEvent[] {
    if (this.#message?.hasResults) this.#message = undefined;
    const message = this.#assistant();
    message.hasCalls = true;
    // Engines may use an id again, in later runs, too: clients would add the call to the earlier one.
    const toolCallId = `${this.#runId}:${++this.#callCount}`;
    this.#calls.set(tool.id, toolCallId);
    return [
      ...this.#endMessage(),
      {
        type: 'TOOL_CALL_START',
        toolCallId,
        toolCallName: tool.name,
        parentMessageId: message.messageId,
      },
      {
        type: 'TOOL_CALL_ARGS',
        toolCallId,
        delta: JSON.stringify(toJsonObject(tool.arguments)),
      },
      { type: 'TOOL_CALL_END', toolCallId },
    ];
  }

  #result(tool: ToolExecution, content: string, isFailed = false): readonly AgUiAnswerEvent[] {
    const called = this.#calls.has(tool.id) ? [] : this.#call(tool);
    const toolCallId = this.#calls.get(tool.id) ?? '';
    this.#calls.delete(tool.id);
    if (this.#message) this.#message.hasResults = true;
    const messageId = this.#newMessageId();
    const failed = isFailed ? { metadata: { agentOs: { failed: true } } as const } : {};
    return [...called, { type: 'TOOL_CALL_RESULT', messageId, toolCallId, role: 'tool', content, ...failed }];
  }

  #once(key: string, event: AgUiAnswerEvent | undefined): readonly AgUiAnswerEvent[] {
    if (!event || this.#sent.has(key)) return [];
    this.#sent.add(key);
    return [event];
  }

  #newMessageId(): string {
    return toMessageId(this.#runId, ++this.#messages);
  }
}

function toStart({ type, messageId }: OpenMessage): readonly AgUiAnswerEvent[] {
  if (type === 'text') return [{ type: 'TEXT_MESSAGE_START', messageId, role: 'assistant' }];
  return [
    { type: 'REASONING_START', messageId },
    { type: 'REASONING_MESSAGE_START', messageId, role: 'reasoning' },
  ];
}

function toDelta({ type, messageId }: OpenMessage, delta: string): AgUiAnswerEvent {
  return type === 'text'
    ? { type: 'TEXT_MESSAGE_CONTENT', messageId, delta }
    : { type: 'REASONING_MESSAGE_CONTENT', messageId, delta };
}

function toSourceEvent(source: RunSource): AgUiAnswerEvent {
  return { type: 'CUSTOM', name: 'agentos.source', value: source };
}

/** @returns undefined for a file without content and URL, as sessions store them */
function toFileEvent(file: RunFile): AgUiAnswerEvent | undefined {
  const value = toWireAnswerFile(file);
  return value && { type: 'CUSTOM', name: 'agentos.file', value };
}
