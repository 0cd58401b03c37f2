import { gravestOf } from '../../errors/is-refusal.js';
import { AgentRunError } from '../../errors/agent-run.error.js';
import type { Message } from '../../model/message.js';
import type { ComponentRun } from '../../runs/component.port.js';
import type { Component } from '../component.js';
import type { MemberAnswer } from '../engine.js';

/**
 * Asks all members at once.
 *
 * @returns their answers, in list order; the answer of a failed member says that it failed
 * @throws AgentRunError if none of them answered: a refusal, if there is one, else the error of the first member
 */
export async function askAll(
  members: readonly Component[],
  run: ComponentRun,
): Promise<readonly MemberAnswer[]> {
  const settled = await Promise.allSettled(members.map((member) => run.runPart(member, run.input.content)));
  run.signal.throwIfAborted();
  const failures = settled.filter((result) => result.status === 'rejected');
  if (failures.length === members.length) throw gravestOf(failures.map(({ reason }) => reason as unknown));
  return members.map((member, index) => answerOf(member, settled[index]));
}

/** The question, with the members' answers to it. */
export function quoteAnswers(
  messages: readonly Message[],
  answers: readonly MemberAnswer[],
): readonly Message[] {
  const question = messages.at(-1);
  if (!question) return messages;
  const quoted = answers.map(({ memberName, content, success }) =>
    success ? `${memberName} answered:\n${content}` : `${memberName} could not answer.`,
  );
  return [...messages.slice(0, -1), { ...question, content: [question.content, ...quoted].join('\n\n') }];
}

function answerOf(
  { id: memberId, name: memberName }: Component,
  result: PromiseSettledResult<{ content: string }> | undefined,
): MemberAnswer {
  if (result?.status === 'fulfilled')
    return { memberId, memberName, content: result.value.content, success: true };
  const content =
    result?.reason instanceof AgentRunError ? result.reason.publicMessage : 'The member failed.';
  return { memberId, memberName, content, success: false };
}
