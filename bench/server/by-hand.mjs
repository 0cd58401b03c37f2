import { Body, Controller, HttpCode, Logger, Module, Post, Res } from '@nestjs/common';

import { decorateMethod, decorateParameters } from './decorate.mjs';
import { HOOK_COUNT, readContent } from './hooks.mjs';
import { responseBody } from './outputs.mjs';

const HOOKS = Array.from({ length: HOOK_COUNT }, () => readContent);
const logger = new Logger('Hooks');

/** The same route with hooks after the response, as a competent user would write it without AgentOS. */
export function byHand(answer) {
  class RunsController {
    run({ message }, response) {
      const body = responseBody(answer, message);
      const context = { runId: body.run_id, sessionId: body.session_id, metadata: {}, sessionState: {} };
      const run = { runInput: { content: message }, runContext: context, runOutput: body };
      (response.raw ?? response).once('finish', () => void runHooks(HOOKS, run));
      return body;
    }
  }
  Controller('agents/bench')(RunsController);
  decorateParameters(RunsController, 'run', Body(), Res({ passthrough: true }));
  decorateMethod(RunsController, 'run', Post('runs'), HttpCode(200));

  class ByHandModule {}
  Module({ controllers: [RunsController] })(ByHandModule);
  return ByHandModule;
}

/** One after another, each on copies of its own; one that fails does not stop the next. */
export async function runHooks(hooks, run) {
  for (const hook of hooks) {
    try {
      await hook(structuredClone(run));
    } catch (error) {
      logger.error(error);
    }
  }
}
