import { jsonSchema, type Tool } from 'ai';

import { isBlank } from '../model/blank.js';
import type { ComponentIdentity } from '../model/component-identity.js';

/**
 * The name of the tool with which a leader delegates a task to a member.
 *
 * @example
 * ```ts
 * const asked = runOutput.tools.filter(({ name }) => name === DELEGATE_TOOL);
 * ```
 */
export const DELEGATE_TOOL = 'delegate_task_to_member';

/** The arguments of {@link DELEGATE_TOOL}. */
interface DelegatedTask {
  readonly member_id: string;
  readonly task: string;
}

/** The tool, with a description of the team's members. */
export function delegateTool(
  members: readonly ComponentIdentity[],
  delegate: (memberId: string, task: string, toolCallId: string) => Promise<string>,
): Tool<DelegatedTask, string> {
  return {
    description: `Gives a task to a member of your team and returns the member's answer. Members: ${members.map(describe).join('; ')}.`,
    inputSchema: taskSchema(members.map(({ id }) => id)),
    execute: ({ member_id, task }, { toolCallId }) => delegate(member_id, task, toolCallId),
  };
}

function describe({ id, kind, name, description }: ComponentIdentity): string {
  const details = [kind, ...(name === id ? [] : [name]), ...(description === undefined ? [] : [description])];
  return `${id} (${details.join(', ')})`;
}

function taskSchema(memberIds: string[]): ReturnType<typeof jsonSchema<DelegatedTask>> {
  return jsonSchema<DelegatedTask>(
    {
      type: 'object',
      properties: {
        member_id: { type: 'string', enum: memberIds, description: 'Who gets the task.' },
        task: { type: 'string', description: 'The task, with all information that the member needs.' },
      },
      required: ['member_id', 'task'],
      additionalProperties: false,
    },
    { validate: (value) => validateTask(value as Partial<DelegatedTask> | null, memberIds) },
  );
}

type Validation = { success: true; value: DelegatedTask } | { success: false; error: Error };

/** The model receives the error and may try again. */
function validateTask(value: Partial<DelegatedTask> | null, memberIds: readonly string[]): Validation {
  const { member_id, task } = value ?? {};
  if (member_id === undefined || !memberIds.includes(member_id)) {
    const problem = `There is no member ${JSON.stringify(member_id)}. The members: ${memberIds.join(', ')}.`;
    return { success: false, error: new Error(problem) };
  }
  if (typeof task !== 'string' || isBlank(task)) {
    return { success: false, error: new Error('Expected task to be a text that is not empty.') };
  }
  return { success: true, value: { member_id, task } };
}
