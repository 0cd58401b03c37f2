import { Injectable, Module } from '@nestjs/common';
import {
  Agent,
  AgentOsModule,
  defineGuardrail,
  Guardrail,
  hookRef,
  InputCheckError,
  OutputCheckError,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import {
  modelGuardrail,
  moderationGuardrail,
  piiGuardrail,
  promptInjectionGuardrail,
} from 'nestjs-agentos/guardrails';

@Injectable()
export class Moderation {
  isAllowed(text: string, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    return Promise.resolve(!text.includes('forbidden'));
  }
}

@Injectable()
export class SupportGuardrails {
  constructor(private readonly moderation: Moderation) {}

  @Guardrail()
  noSecrets({ runInput }: PreHookContext): void {
    if (/sk-[a-z0-9]{20,}/i.test(runInput.content)) {
      throw new InputCheckError('Please do not send API keys.', { trigger: 'pii_detected' });
    }
  }

  @Guardrail({ timeout: 5_000 })
  async moderated({ runOutput, signal }: PostHookContext): Promise<void> {
    if (await this.moderation.isAllowed(runOutput.content, signal)) return;
    throw new OutputCheckError('I cannot help with that.', {
      trigger: 'output_not_allowed',
      additionalData: { policy: 'moderation' },
    });
  }
}

const careful = new Agent({
  id: 'careful',
  engine: ({ input }) => `You asked: ${input}`,
  preHooks: [promptInjectionGuardrail(), piiGuardrail({ strategy: 'mask', types: ['email', 'phone'] })],
  postHooks: [piiGuardrail({ patterns: { customer: /C-\d{6}/ } })],
});

/** A stand-in for a model; see the page on engines. */
const decider = (): string => '{"allowed": true, "reason": "It is about an order."}';

const judged = new Agent({
  id: 'judged',
  engine: ({ input }) => `You asked: ${input}`,
  preHooks: [
    moderationGuardrail({ apiKey: process.env['OPENAI_API_KEY'] ?? '', thresholds: { violence: 0.5 } }),
    modelGuardrail({ engine: decider, policy: 'Only questions about orders and deliveries are allowed.' }),
  ],
});

/** A function can be a guardrail as well; this one applies to some runs only. */
const noCommands = defineGuardrail(
  ({ runInput }: PreHookContext) => {
    throw new InputCheckError(`Unknown command: ${runInput.content}`);
  },
  { name: 'noCommands', when: ({ runInput }) => runInput.content.startsWith('/') },
);

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  preHooks: [hookRef(SupportGuardrails, 'noSecrets'), noCommands],
  postHooks: [hookRef(SupportGuardrails, 'moderated')],
});

@Module({
  imports: [AgentOsModule.forRoot({ agents: [support, careful, judged] })],
  providers: [SupportGuardrails, Moderation],
})
export class GuardrailsModule {}
