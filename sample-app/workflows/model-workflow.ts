import { Agent, condition, step, Workflow } from 'nestjs-agentos';

import { faqEngine } from '../demo-engine/faq-engine.js';
import { modelOr } from '../model/support-engine.js';
import { expertTeam } from '../teams/model-team.js';

const drafter = new Agent({
  id: 'drafter',
  engine: modelOr(faqEngine(), { instructions: 'Draft an answer to the question.' }),
});

/** Asks the experts if the draft does not answer the question. */
export const draftWorkflow = new Workflow({
  id: 'draft-workflow',
  name: 'Draft workflow',
  description: 'Drafts an answer, and asks the experts if the draft does not answer the question.',
  steps: [
    step('draft', drafter),
    condition('good enough?', {
      when: ({ input }) => !/\bdo not know\b/i.test(input),
      then: [step('send', ({ input }) => input)],
      else: [step('restate', ({ workflowInput }) => workflowInput), step('experts', expertTeam)],
    }),
  ],
});
