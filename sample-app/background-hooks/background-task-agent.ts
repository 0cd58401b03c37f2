import { setTimeout } from 'node:timers/promises';

import { Injectable, Logger } from '@nestjs/common';
import { Agent, Hook, hookRef, type PostHookContext, type PreHookContext } from 'nestjs-agentos';

import { faqEngine } from '../demo-engine/faq-engine.js';

/** Takes three seconds, as a slow mail server would. */
@Injectable()
export class Notifications {
  readonly #logger = new Logger(Notifications.name);

  async send(text: string, signal: AbortSignal): Promise<void> {
    await setTimeout(3_000, undefined, { signal });
    this.#logger.log(`Notification sent: ${text}`);
  }
}

@Injectable()
export class BackgroundTaskHooks {
  readonly #logger = new Logger(BackgroundTaskHooks.name);

  constructor(private readonly notifications: Notifications) {}

  /** A pre-hook in the background: it only reads the input. */
  @Hook({ runInBackground: true })
  logRequest({ runInput, runContext }: PreHookContext): void {
    this.#logger.log(`Request of run ${runContext.runId}: ${runInput.content.length} characters`);
  }

  /** Sets no mode: it runs inline, or in the background with RUN_HOOKS_IN_BACKGROUND=true. */
  @Hook()
  logAnalytics({ runOutput, hook }: PostHookContext): void {
    this.#logger.log(`Analytics (${hook.mode}): an answer of ${runOutput.content.length} characters`);
  }

  /** The client has its answer long before this ends. If the process dies meanwhile, the next one sends it: with the same id. */
  @Hook({ runInBackground: true })
  async sendNotification({ runOutput, component, hook, signal }: PostHookContext): Promise<void> {
    const text = `${component.name} has answered run ${runOutput.runId}`;
    await this.notifications.send(`${text} (execution ${hook.executionId}, attempt ${hook.attempt})`, signal);
  }
}

export const backgroundTaskAgent = new Agent({
  id: 'background-task-agent',
  name: 'Background task agent',
  description:
    'Answers from a small FAQ (an offline demo, no language model) and sends a notification afterwards.',
  engine: faqEngine(),
  preHooks: [hookRef(BackgroundTaskHooks, 'logRequest')],
  postHooks: [hookRef(BackgroundTaskHooks, 'logAnalytics'), hookRef(BackgroundTaskHooks, 'sendNotification')],
});
