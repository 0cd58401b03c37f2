import { Agent, Team } from 'nestjs-agentos';

import { faqEngine, topicOf } from '../demo-engine/faq-engine.js';
import { modelOr } from '../model/support-engine.js';

const accountExpert = new Agent({
  id: 'account-expert',
  description: 'Passwords, sign-in and profiles.',
  engine: modelOr(faqEngine(), {
    instructions: 'You know everything about accounts. Answer in one sentence.',
  }),
});

const billingExpert = new Agent({
  id: 'billing-expert',
  description: 'Invoices, payments and plans.',
  engine: modelOr(faqEngine(), {
    instructions: 'You know everything about billing. Answer in one sentence.',
  }),
});

/** A language model leads if one is configured, and delegates with a tool. Offline, a function leads. */
export const expertTeam = new Team({
  id: 'expert-team',
  name: 'Expert team',
  description: 'Asks the expert for the topic, and answers in its own words.',
  members: [accountExpert, billingExpert],
  engine: modelOr(
    ({ input, delegate }) =>
      delegate(topicOf(input) === 'account' ? 'account-expert' : 'billing-expert', input),
    { instructions: 'You lead a support desk. Ask the member for the topic, then answer in two sentences.' },
  ),
});
