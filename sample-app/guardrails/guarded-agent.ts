import { Injectable, Logger } from '@nestjs/common';
import {
  Agent,
  Guardrail,
  Hook,
  hookRef,
  InputCheckError,
  OutputCheckError,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';

import { faqEngine } from '../demo-engine/faq-engine.js';
import { FAQ, STAFF_FAQ } from '../demo-engine/faq.js';

@Injectable()
export class Guardrails {
  readonly #logger = new Logger(Guardrails.name);

  /** Refuses the question before the engine sees it. */
  @Guardrail()
  noCardNumbers({ runInput }: PreHookContext): void {
    if (containsCardNumber(runInput.content)) {
      throw new InputCheckError('Please do not send card numbers.', { trigger: 'pii_detected' });
    }
  }

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
  maskEmails({ runInput }: PreHookContext): void {
    runInput.content = runInput.content.replace(/[\w.+-]+@[\w-]+(\.[\w-]+)+/g, '[email]');
  }

  /** Sees rejected runs too, and does not log what the guardrail has refused. */
  @Hook({ runInBackground: true, on: ['completed', 'rejected'] })
  auditRun({ runOutput }: PostHookContext): void {
    this.#logger.log(`Audit: run ${runOutput.runId} ended as ${runOutput.status}`);
  }
}

export const guardedAgent = new Agent({
  id: 'guarded-agent',
  name: 'Guarded agent',
  description: 'Refuses card numbers in questions and staff-only text in answers; masks email addresses.',
  engine: faqEngine([...FAQ, ...STAFF_FAQ]),
  preHooks: [hookRef(Guardrails, 'noCardNumbers'), hookRef(Guardrails, 'maskEmails')],
  postHooks: [hookRef(Guardrails, 'noStaffAnswers'), hookRef(Guardrails, 'auditRun')],
});

/** 13 to 19 digits, perhaps with spaces or hyphens between them, whose check digit is right. */
function containsCardNumber(text: string): boolean {
  const candidates = text.match(/\d(?:[ -]?\d){12,18}/g) ?? [];
  return candidates.some((candidate) => isLuhnValid(candidate.replace(/\D/g, '')));
}

function isLuhnValid(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}
