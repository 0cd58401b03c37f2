import { randomUUID } from 'node:crypto';

import { prose } from './server/outputs.mjs';

/** An engine's output whose run output has about this size in JSON: a short answer and tool results of about 1 KB. */
export function createEngineOutput(size) {
  const output = { content: prose(100), tools: [] };
  let missing = size - JSON.stringify(runOutputOf(output)).length;
  while (missing > 0) {
    const tool = createTool(Math.min(missing, 1_024));
    output.tools.push(tool);
    missing -= JSON.stringify(tool).length;
  }
  return output;
}

/** The run output as AgentOS holds it. */
export function runOutputOf({ content, tools }) {
  const createdAt = Math.floor(Date.now() / 1_000);
  return {
    runId: randomUUID(),
    sessionId: randomUUID(),
    component: { kind: 'agent', id: 'bench', name: 'bench' },
    content,
    status: 'COMPLETED',
    metrics: {
      timeToFirstToken: 0.2,
      duration: 1.5,
      inputTokens: 1_200,
      outputTokens: 300,
      totalTokens: 1_500,
    },
    messages: [
      { role: 'user', content: 'How do I reset my password?', createdAt },
      { role: 'assistant', content, createdAt },
    ],
    tools,
    metadata: {},
    memberResponses: [],
    stepResults: [],
    createdAt,
  };
}

function createTool(size) {
  const call = {
    id: randomUUID(),
    name: 'search_articles',
    arguments: { query: 'reset password', limit: 3 },
  };
  const envelope = JSON.stringify({ ...call, result: '', failed: false }).length;
  return { ...call, result: prose(Math.max(0, size - envelope)), failed: false };
}
