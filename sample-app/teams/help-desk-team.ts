import { Injectable, Logger } from '@nestjs/common';
import { Agent, Hook, hookRef, Team, type PostHookContext } from 'nestjs-agentos';

import { dontKnow, faqEngine, topicOf } from '../demo-engine/faq-engine.js';
import { FAQ, type FaqTopic } from '../demo-engine/faq.js';

@Injectable()
export class HelpDeskHooks {
  readonly #logger = new Logger(HelpDeskHooks.name);

  /** Attached to members of the nested team too; all these hooks run after the one response. */
  @Hook({ runInBackground: true })
  countAnswer({ component, runContext, hook }: PostHookContext): void {
    const place = runContext.parentRunId === undefined ? 'the root' : 'a part of another run';
    this.#logger.log(`Counted (${hook.mode}): ${component.kind} "${component.id}" as ${place}`);
  }
}

const countAnswer = hookRef(HelpDeskHooks, 'countAnswer');

const accountAgent = faqAgent('account-agent', 'account');
const invoicesAgent = faqAgent('invoices-agent', 'invoices');
const plansAgent = faqAgent('plans-agent', 'plans');

/** A team inside the team. Its leader is a function that selects a member; a language model can do so too. */
const billingTeam = new Team({
  id: 'billing-team',
  name: 'Billing team',
  description: 'Invoices and plans.',
  members: [invoicesAgent, plansAgent],
  engine: ({ input, delegate }) =>
    delegate(topicOf(input) === 'plans' ? 'plans-agent' : 'invoices-agent', input),
  postHooks: [countAnswer],
});

export const helpDeskTeam = new Team({
  id: 'help-desk',
  name: 'Help desk',
  description: 'Delegates a question to the member for its topic (an offline demo, no language model).',
  members: [accountAgent, billingTeam],
  engine: ({ input, delegate }) => {
    const topic = topicOf(input);
    if (topic === undefined) return dontKnow(FAQ);
    return delegate(topic === 'account' ? 'account-agent' : 'billing-team', input);
  },
  postHooks: [countAnswer],
});

function faqAgent(id: string, topic: FaqTopic): Agent {
  return new Agent({
    id,
    description: `Knows about: ${topic}.`,
    engine: faqEngine(FAQ.filter((entry) => entry.topic === topic)),
    postHooks: [countAnswer],
  });
}
