import { Injectable, Logger } from '@nestjs/common';
import { Agent, Hook, hookRef, step, Workflow, type PostHookContext, type StepRequest } from 'nestjs-agentos';

import { helpDeskTeam } from '../teams/help-desk-team.js';

@Injectable()
export class SupportWorkflowHooks {
  readonly #logger = new Logger(SupportWorkflowHooks.name);

  @Hook({ runInBackground: true })
  logSteps({ runOutput }: PostHookContext): void {
    const steps = runOutput.stepResults.map(({ stepName, executorName }) => `${stepName} (${executorName})`);
    this.#logger.log(`Steps: ${steps.join(', ')}`);
  }
}

const questionAgent = new Agent({
  id: 'question-agent',
  name: 'Question agent',
  description: 'Finds the question in a message.',
  engine: ({ input }) => lastQuestionIn(input),
});

export const supportWorkflow = new Workflow({
  id: 'support-workflow',
  name: 'Support workflow',
  description: 'Finds the question in a message, lets the help desk answer it and adds a signature.',
  steps: [step('find the question', questionAgent), step('answer', helpDeskTeam), step('sign', sign)],
  postHooks: [hookRef(SupportWorkflowHooks, 'logSteps')],
});

function lastQuestionIn(message: string): string {
  const questions = message.match(/[^.!?\n]+\?/g) ?? [];
  return questions.at(-1)?.trim() ?? message;
}

function sign({ input }: StepRequest): string {
  return `${input}\n\nYour help desk (an offline demo)`;
}
