import { Module } from '@nestjs/common';
import {
  Agent,
  AgentOsModule,
  condition,
  loop,
  parallel,
  router,
  step,
  Team,
  Workflow,
} from 'nestjs-agentos';

const invoices = new Agent({ id: 'invoices', engine: ({ input }) => `About your invoice: ${input}` });
const shipping = new Agent({ id: 'shipping', engine: ({ input }) => `About your parcel: ${input}` });

const desk = new Team({
  id: 'desk',
  members: [invoices, shipping],
  engine: ({ input, delegate }) => delegate(/invoice/i.test(input) ? 'invoices' : 'shipping', input),
});

const panel = new Team({
  id: 'panel',
  mode: 'broadcast',
  members: [invoices, shipping],
  engine: ({ answers }) => answers.map(({ memberName, content }) => `${memberName}: ${content}`).join('\n'),
});

const classify = step('classify', ({ input }) => ({
  content: input,
  data: { isUrgent: /urgent|now/i.test(input) },
}));

const triage = new Workflow({
  id: 'triage',
  steps: [
    classify,
    condition('escalate', {
      when: (request) => request.dataOf(classify).isUrgent,
      then: [step('mark', ({ input }) => `[urgent] ${input}`)],
    }),
    step('answer', desk),
    step('sign', ({ input, workflowInput }) => `${input}\n\nYou asked: ${workflowInput}`),
  ],
});

const shorten = new Agent({ id: 'shorten', engine: ({ input }) => input.slice(0, input.length / 2) });

const research = new Workflow({
  id: 'research',
  steps: [
    parallel('ask both', [step('ask invoices', invoices), step('ask shipping', shipping)]),
    loop('shorten it', { steps: [shorten], until: ({ input }) => input.length < 200, maxIterations: 5 }),
    router('deliver', {
      choose: ({ context }) => (context.userId === undefined ? 'public' : 'personal'),
      routes: [
        step('public', ({ input }) => input),
        step('personal', ({ input, context }) => `For ${context.userId}: ${input}`),
      ],
    }),
  ],
});

@Module({ imports: [AgentOsModule.forRoot({ teams: [desk, panel], workflows: [triage, research] })] })
export class TeamsModule {}
