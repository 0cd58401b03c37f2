import { Logger } from '@nestjs/common';
import { Agent, agentAsJudge, sampled } from 'nestjs-agentos';
import type { Evaluation } from 'nestjs-agentos/stores';

import { faqEngine } from '../demo-engine/faq-engine.js';
import { modelOr } from '../model/support-engine.js';
import { offlineJudge } from './offline-judge.js';

const logger = new Logger('JudgedAgent');

/**
 * A support agent whose answers are judged after the response has been sent. The scores are stored: `GET /evaluations`
 * shows them. In production a sample is enough: `sampled(0.1)` judges about one run in ten.
 */
export const judgedAgent = new Agent({
  id: 'judged-agent',
  name: 'Judged support agent',
  description: 'Answers support questions; another engine judges the answers in the background.',
  engine: modelOr(faqEngine(), {
    instructions: 'You are a friendly support agent. Answer in two sentences.',
  }),
  postHooks: [
    agentAsJudge({
      name: 'helpfulness',
      engine: modelOr(offlineJudge, { instructions: 'You are a strict judge of support answers.' }),
      criteria: 'The answer is polite and answers the question that was asked.',
      threshold: 7,
      runInBackground: true,
      when: sampled(1),
      retry: { attempts: 3 },
      onFail: ({ runId, score, reason }: Evaluation) =>
        logger.warn(`Run ${runId} scored ${score}: ${reason}`),
    }),
  ],
});
