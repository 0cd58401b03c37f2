import { Injectable, Logger } from '@nestjs/common';
import {
  Agent,
  Guardrail,
  Hook,
  hookRef,
  OutputCheckError,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { piiGuardrail } from 'nestjs-agentos/guardrails';

import { faqEngine } from '../demo-engine/faq-engine.js';
import { FAQ, STAFF_FAQ } from '../demo-engine/faq.js';

@Injectable()
export class Guardrails {
  readonly #logger = new Logger(Guardrails.name);

  /** Refuses the answer. A streamed answer is held back until this has passed. */
  @Guardrail()
  noStaffAnswers({ runOutput }: PostHookContext): void {
    if (runOutput.content.includes('[staff only]')) {
      throw new OutputCheckError('This question can only be answered by the support staff.', {
        trigger: 'output_not_allowed',
      });
    }
  }

  /** Changes the question, so it must be inline: `false` wins over RUN_HOOKS_IN_BACKGROUND. */
  @Hook(false)
  trimQuestion({ runInput }: PreHookContext): void {
    runInput.content = runInput.content.trim();
  }

  /** Also runs for rejected runs, and does not log the refused text. */
  @Hook({ runInBackground: true, on: ['completed', 'rejected'] })
  auditRun({ runOutput }: PostHookContext): void {
    this.#logger.log(`Audit: run ${runOutput.runId} ended as ${runOutput.status}`);
  }
}

/** Refuses a question that contains a payment card number, before the engine runs. */
const noCards = piiGuardrail({ name: 'noCards', types: ['card'] });

/** Masks e-mail addresses in questions. */
const maskedEmails = piiGuardrail({ name: 'maskedEmails', types: ['email'], strategy: 'mask' });

export const guardedAgent = new Agent({
  id: 'guarded-agent',
  name: 'Guarded agent',
  description: 'Refuses card numbers in questions and staff-only text in answers; masks email addresses.',
  engine: faqEngine([...FAQ, ...STAFF_FAQ]),
  preHooks: [noCards, maskedEmails, hookRef(Guardrails, 'trimQuestion')],
  postHooks: [hookRef(Guardrails, 'noStaffAnswers'), hookRef(Guardrails, 'auditRun')],
});
