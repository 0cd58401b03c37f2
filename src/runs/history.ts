import { isBlank } from '../model/blank.js';
import type { Message } from '../model/message.js';
import type { RunFile } from '../model/run-input.js';
import type { SessionStore, StoredRun } from '../sessions/session.store.js';
import type { RunView } from './run.view.js';

/** Earlier questions and answers of the run's component in its session, the oldest first. */
export async function loadHistory(
  sessions: SessionStore,
  { session, component }: RunView,
  limit: number,
): Promise<Message[]> {
  if (limit <= 0) return [];
  const stored = await sessions.runs(session.id, {
    owner: session.owner,
    componentId: component.id,
    status: 'COMPLETED',
    isWithdrawn: false,
    limit,
  });
  return stored.flatMap(toMessages);
}

/**
 * What was asked and answered, without the rounds in between. A turn of which a side is blank is left out as a whole:
 * many providers refuse blank messages, and others two questions in a row.
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

/** Stands for a question that was only files: their contents are not kept. */
function describeFiles(files: readonly RunFile[] = []): string | undefined {
  if (files.length === 0) return undefined;
  const names = files.map(({ name, kind }) => (name === undefined ? kind : JSON.stringify(name)));
  return `The user sent without a word: ${names.join(', ')}.`;
}
