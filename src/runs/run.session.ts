import { NotFoundException } from '@nestjs/common';

import { printable } from '../errors/log.text.js';
import { copyPlainData } from '../execution/copy-plain-data.js';
import type { Message } from '../model/message.js';
import { isOf } from '../sessions/session.filter.js';
import type { StoredRun } from '../sessions/session.store.js';
import type { ActiveRun } from './active-run.js';

/**
 * Gives a run its session: that of the run above it, the stored one, or a new one. Of the sessions of others clients
 * are told that they are not there, also if they have become another's since somebody looked; what application code
 * runs goes on without.
 *
 * @throws NotFoundException if the session must be somebody's and is another's
 */
export async function openSession(run: ActiveRun): Promise<void> {
  const { sessions } = run.tree.environment;
  const shared = run.sharedSession;
  if (sessions && shared.isNamed && shared !== run.parent?.sharedSession) {
    const stored = await sessions.open(shared.id);
    // It may have been cancelled meanwhile, and have settled.
    run.cancellation.throwIfCancelled();
    const isOwn = stored !== undefined && isOf(stored, shared.owner);
    if (stored && !isOwn && run.position === 'root') throw sessionNotFound(shared.id);
    shared.isKnown = isOwn;
    if (isOwn) shared.live = stored;
    shared.opened = copyPlainData(shared.live, 'session');
  }
  Object.assign(run.session.state, run.options.sessionState);
  Object.assign(run.context, { sessionState: run.session.state });
}

/** What a client reads that asks for a session that is not there, or not for it. */
export function sessionNotFound(id: string): NotFoundException {
  return new NotFoundException(`Session with id '${printable(id)}' not found`);
}

/** Earlier questions and answers of the run's component in its session, the oldest first. */
export async function loadHistory(run: ActiveRun, limit: number): Promise<Message[]> {
  const { sessions } = run.tree.environment;
  const { id, owner, isNamed } = run.sharedSession;
  const isNew = !isNamed && !run.parent;
  if (!sessions || isNew || limit <= 0) return [];
  const filter = {
    owner,
    componentId: run.component.id,
    status: 'COMPLETED',
    isWithdrawn: false,
    limit,
  } as const;
  const stored = await sessions.runs(id, filter);
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
