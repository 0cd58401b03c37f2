/** The server of a Nest application without AgentOS, with functions that answer at once or with the AI SDK. */
import { Body, Controller, HttpCode, Module, Post, Res } from '@nestjs/common';

import { runHooks } from '../../server/by-hand.mjs';
import { decorateMethod, decorateParameters } from '../../server/decorate.mjs';
import { listen } from '../../server/listen.mjs';
import { responseBody } from '../../server/outputs.mjs';
import { inTurns, piecesOf } from './answers.mjs';
import { configuration } from './configuration.mjs';
import { countedHook } from './counted-hooks.mjs';
import { formRequest } from './form-request.mjs';
import { serve } from './serve.mjs';

const { model, hookCount, hook, members, steps } = configuration;
const pieces = piecesOf(configuration);
const hooks = Array.from({ length: hookCount }, () => countedHook(hook));

/** How an agent answers, at once and token by token. The AI SDK is loaded only where it is used. */
const AGENTS = {
  instant: () => {
    const text = pieces.join('');
    return { answer: async () => text, stream: () => inTurns(pieces) };
  },
  aiSdk: async () => {
    const { generateText, streamText } = await import('ai');
    const { answeringModel } = await import('./mock-model.mjs');
    const answering = answeringModel(pieces);
    return {
      answer: async (prompt) => (await generateText({ model: answering, prompt })).text,
      stream: (prompt) => streamText({ model: answering, prompt }).textStream,
    };
  },
};
const agent = await AGENTS[model]();

class RunsController {
  async run({ message }, response) {
    const body = responseBody(await agent.answer(message), message);
    const context = { runId: body.run_id, sessionId: body.session_id, metadata: {}, sessionState: {} };
    const run = { runInput: { content: message }, runContext: context, runOutput: body };
    response.once('finish', () => void runHooks(hooks, run));
    return body;
  }

  async plain({ message }) {
    return responseBody(await agent.answer(message), message);
  }

  async stream({ message }, response) {
    response.setHeader('content-type', 'text/event-stream');
    for await (const content of agent.stream(message)) {
      const isWritable = response.write(`data: ${JSON.stringify({ token: content })}\n\n`);
      if (!isWritable) await new Promise((resolve) => response.once('drain', resolve));
    }
    response.end();
  }

  async team({ message }) {
    await Promise.all(Array.from({ length: members }, () => agent.answer(message)));
    return responseBody(await agent.answer(message), message);
  }

  async workflow({ message }) {
    let content = message;
    for (let step = 0; step < steps; step++) content = await agent.answer(content);
    return responseBody(content, message);
  }
}
Controller()(RunsController);
for (const name of ['plain', 'team', 'workflow']) decorateParameters(RunsController, name, Body());
decorateParameters(RunsController, 'run', Body(), Res({ passthrough: true }));
decorateParameters(RunsController, 'stream', Body(), Res());
for (const name of ['run', 'plain', 'stream', 'team', 'workflow'])
  decorateMethod(RunsController, name, Post(name), HttpCode(200));

class ByHandModule {}
Module({ controllers: [RunsController] })(ByHandModule);

const { url } = await listen(ByHandModule, 'express');
const at = (path) => formRequest(new URL(path, url).href);
serve({
  requests: {
    run: at('/run'),
    plain: at('/plain'),
    stream: at('/stream'),
    team: at('/team'),
    workflow: at('/workflow'),
  },
  token: '{"token":',
});
