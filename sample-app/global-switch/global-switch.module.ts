import { Injectable, Logger, Module } from '@nestjs/common';
import { Agent, AgentOsModule, Guardrail, Hook, hookRef, InputCheckError } from 'nestjs-agentos';
import type { PostHookContext, PreHookContext } from 'nestjs-agentos';

import { faqEngine } from '../demo-engine/faq-engine.js';

@Injectable()
export class GlobalSwitchHooks {
  readonly #logger = new Logger(GlobalSwitchHooks.name);

  /** A guardrail always runs inline, also if the switch is on. */
  @Guardrail()
  refuseEmptyQuestions({ runInput }: PreHookContext): void {
    if (runInput.content.trim() === '') throw new InputCheckError('Please ask something.');
  }

  @Hook()
  logRequest({ runInput, hook }: PreHookContext): void {
    this.#logger.log(`Request (${hook.mode}): ${runInput.content.length} characters`);
  }

  @Hook()
  logAnswer({ runOutput, hook }: PostHookContext): void {
    this.#logger.log(`Answer (${hook.mode}): ${runOutput.content.length} characters`);
  }
}

const globalSwitchAgent = new Agent({
  id: 'global-switch-agent',
  engine: faqEngine(),
  preHooks: [hookRef(GlobalSwitchHooks, 'refuseEmptyQuestions'), hookRef(GlobalSwitchHooks, 'logRequest')],
  postHooks: [hookRef(GlobalSwitchHooks, 'logAnswer')],
});

/**
 * All hooks in the background by the module's switch, in one file: `node dist/sample-app/global-switch/main.js`.
 * In the sample itself `RUN_HOOKS_IN_BACKGROUND=true` turns the same switch on.
 */
@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [globalSwitchAgent],
      runHooksInBackground: true,
      http: { allowedOrigins: [] }, // no pages of other origins
    }),
  ],
  providers: [GlobalSwitchHooks],
})
export class GlobalSwitchModule {}
