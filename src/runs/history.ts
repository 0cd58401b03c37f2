import type { Message } from '../model/message.js';
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

/** What was asked and answered, without the rounds in between. */
function toMessages({ runId, input, output: { content, messages, createdAt } }: StoredRun): Message[] {
  const { id = runId, createdAt: answeredAt = createdAt } = messages.at(-1) ?? {};
  return [
    { id: messages[0]?.id ?? runId, role: 'user', content: input.content, createdAt },
    { id, role: 'assistant', content, createdAt: answeredAt },
  ];
}
