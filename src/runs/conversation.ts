import { isBlank } from '../model/blank.js';
import { millisecondsSince, nowInSeconds } from '../model/clock.js';
import { newId } from '../model/ids.js';
import type { Message } from '../model/message.js';
import type { RunFile } from '../model/run-input.js';
import type { ModelRequestMetrics } from '../model/run-usage.js';
import type { ToolExecution } from '../model/tool-execution.js';
import type { SessionStore, StoredRun } from '../sessions/session.store.js';
import type { RunView } from './run.view.js';

/** One request to a model, and its answer. */
interface Round {
  content: string;
  readonly createdAt: number;
  readonly startedAt: number;
  timeToFirstToken?: number;
  readonly calls: ToolExecution[];
  readonly results: Message[];
  metrics?: ModelRequestMetrics;
}

/** The work of an engine as the messages between it, its model and its tools. */
export class Conversation {
  readonly #rounds: Round[] = [];
  /** Whether the engine reports its requests. If it does not, a new round begins after the result of a tool. */
  #isReported = false;

  /** A request to the model begins. */
  startRequest(): void {
    this.#isReported = true;
    this.#rounds.push(newRound());
  }

  /** @returns the usage of the request, with the time until its first piece if the engine did not measure it */
  endRequest(metrics: ModelRequestMetrics): ModelRequestMetrics {
    const round = this.#current();
    const { timeToFirstToken } = round;
    return (round.metrics = timeToFirstToken === undefined ? metrics : { timeToFirstToken, ...metrics });
  }

  addText(piece: string): void {
    const round = this.#speaking();
    round.timeToFirstToken ??= millisecondsSince(round.startedAt) / 1_000;
    round.content += piece;
  }

  addCall(tool: ToolExecution): void {
    this.#speaking().calls.push(tool);
  }

  addResult(tool: ToolExecution): void {
    const content = tool.result ?? '';
    this.#current().results.push({ ...newMessage(), role: 'tool', content, toolCall: tool });
  }

  /** All messages except the user's; empty if the engine has written none. */
  get messages(): Message[] {
    return this.#rounds.flatMap((round, index) => [assistantMessage(round, index), ...round.results]);
  }

  #current(): Round {
    const latest = this.#rounds.at(-1);
    if (latest) return latest;
    const first = newRound();
    this.#rounds.push(first);
    return first;
  }

  #speaking(): Round {
    if (!this.#isReported && this.#current().results.length > 0) this.#rounds.push(newRound());
    return this.#current();
  }
}

/** The id and time of a message that is written now. */
export function newMessage(): Pick<Message, 'id' | 'createdAt'> {
  return { id: newId(), createdAt: nowInSeconds() };
}

function newRound(): Round {
  return {
    content: '',
    createdAt: nowInSeconds(),
    startedAt: performance.now(),
    calls: [],
    results: [],
  };
}

function assistantMessage({ content, createdAt, calls, metrics }: Round, index: number): Message {
  return {
    id: newId(),
    role: 'assistant',
    // The empty lines between two rounds belong to the answer as a whole.
    content: index === 0 ? content : content.replace(/^\n+/, ''),
    createdAt,
    ...(calls.length > 0 ? { toolCalls: calls } : {}),
    ...(metrics ? { metrics } : {}),
  };
}

/**
 * Earlier questions and answers of the run's component in its session, the oldest first. Runs that others replace are
 * left out.
 */
export async function loadHistory(
  sessions: SessionStore,
  { session, component, output }: RunView,
  limit: number,
): Promise<Message[]> {
  if (limit <= 0) return [];
  const answered = { componentId: component.id, statuses: ['COMPLETED'], isWithdrawn: false } as const;
  for (let read = limit; ;) {
    const stored = await sessions.runs(session.id, { owner: session.owner, ...answered, limit: read });
    const replaced = new Set(
      [output, ...stored.map((run) => run.output)].flatMap(({ replaces = [] }) => replaces),
    );
    const kept = stored.filter(({ runId }) => !replaced.has(runId));
    if (kept.length >= limit || stored.length < read) return kept.slice(-limit).flatMap(toMessages);
    read += stored.length - kept.length;
  }
}

/**
 * The question and the answer, without the rounds in between. A turn with a blank question or answer is left out
 * entirely: many providers refuse blank messages, and others refuse two questions in a row.
 */
function toMessages({ runId, input, output: { content, messages, createdAt } }: StoredRun): Message[] {
  const question = isBlank(input.content) ? describeFiles(input.files) : input.content;
  if (question === undefined || isBlank(content)) return [];
  const { id = runId, createdAt: answeredAt = createdAt } = messages.at(-1) ?? {};
  return [
    { id: messages[0]?.id ?? runId, role: 'user', content: question, createdAt },
    { id, role: 'assistant', content, createdAt: answeredAt },
  ];
}

/** Replaces a question of files alone: the contents of files are not stored. */
function describeFiles(files: readonly RunFile[] = []): string | undefined {
  if (files.length === 0) return undefined;
  const names = files.map(({ name, kind }) => (name === undefined ? kind : JSON.stringify(name)));
  return `The user sent without a word: ${names.join(', ')}.`;
}
