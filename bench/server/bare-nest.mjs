import { Body, Controller, HttpCode, Module, Post } from '@nestjs/common';

import { decorateMethod, decorateParameters } from './decorate.mjs';
import { responseBody } from './outputs.mjs';

/** A Nest application whose only route answers with the JSON of a run. */
export function bareNest(answer) {
  class RunsController {
    run({ message }) {
      return responseBody(answer, message);
    }
  }
  Controller('agents/bench')(RunsController);
  decorateParameters(RunsController, 'run', Body());
  decorateMethod(RunsController, 'run', Post('runs'), HttpCode(200));

  class BareModule {}
  Module({ controllers: [RunsController] })(BareModule);
  return BareModule;
}
