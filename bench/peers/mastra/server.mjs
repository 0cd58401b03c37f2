/** The server of Mastra on Express, as its documentation starts it, with the AI SDK's model that answers at once. */
import { Agent } from '@mastra/core/agent';
import { Mastra } from '@mastra/core/mastra';
import { createStep, createWorkflow } from '@mastra/core/workflows';
import { MastraServer } from '@mastra/express';
import express from 'express';
import { z } from 'zod';

import { piecesOf } from '../server/answers.mjs';
import { configuration } from '../server/configuration.mjs';
import { answeringModel, leadingModel } from '../server/mock-model.mjs';
import { serve } from '../server/serve.mjs';

const INSTRUCTIONS = 'Answer the question.';
const MESSAGE = 'How do I reset my password?';
const HEADERS = { 'content-type': 'application/json' };

const { members, steps } = configuration;
const pieces = piecesOf(configuration);
const agent = (id, rest) =>
  new Agent({
    id,
    name: id,
    description: id,
    instructions: INSTRUCTIONS,
    model: answeringModel(pieces),
    ...rest,
  });
const agents = { bench: agent('bench'), plain: agent('plain') };
if (members > 0) agents.team = team();
const workflows = steps > 0 ? { workflow: workflow() } : {};

const app = express();
app.use(express.json());
await new MastraServer({ app, mastra: new Mastra({ agents, workflows, logger: false }) }).init();
const listening = app.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${listening.address().port}/api`;
  const at = (path, body) => ({ url: url + path, headers: HEADERS, body: JSON.stringify(body) });
  const messages = [{ role: 'user', content: MESSAGE }];
  serve({
    requests: {
      run: at('/agents/bench/generate', { messages }),
      plain: at('/agents/plain/generate', { messages }),
      stream: at('/agents/bench/stream', { messages }),
      team: at('/agents/team/generate', { messages }),
      workflow: at('/workflows/workflow/start-async', { inputData: { message: MESSAGE } }),
    },
    token: '"type":"text-delta"',
  });
});

/** A supervisor: its model calls each of the agents as a tool. */
function team() {
  const names = Array.from({ length: members }, (_, index) => `member${index + 1}`);
  const calls = names.map((name) => ({ name: `agent-${name}`, input: { prompt: INSTRUCTIONS } }));
  const model = leadingModel(calls, pieces);
  return agent('team', { model, agents: Object.fromEntries(names.map((name) => [name, agent(name)])) });
}

function workflow() {
  const message = z.object({ message: z.string() });
  let built = createWorkflow({ id: 'workflow', inputSchema: message, outputSchema: message });
  for (let index = 1; index <= steps; index++) {
    const answering = agent(`step${index}`);
    built = built.then(
      createStep({
        id: `step${index}`,
        inputSchema: message,
        outputSchema: message,
        execute: async ({ inputData }) => ({ message: (await answering.generate(inputData.message)).text }),
      }),
    );
  }
  return built.commit();
}
