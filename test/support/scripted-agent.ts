import { Agent, type AgentOptions } from 'nestjs-agentos';
import { aiSdk, type AiSdkOptions } from 'nestjs-agentos/ai-sdk';

import { OpenAiServer, type ScriptStep } from './openai-server.js';
import { startApp, type TestApp, type TestAppOptions } from './test-app.js';

export interface ScriptedAgentOptions {
  readonly engine?: Omit<AiSdkOptions, 'model'>;
  readonly agent?: Omit<AgentOptions, 'id' | 'engine'>;
  readonly app?: TestAppOptions;
}

/** The agent `helper` in an application, and the provider that its model is of. */
export interface ScriptedAgent extends TestApp {
  readonly provider: OpenAiServer;
}

/** Serves an agent on the AI SDK whose provider answers from a script. */
export async function startScriptedAgent(
  script: readonly ScriptStep[],
  { engine, agent, app }: ScriptedAgentOptions = {},
): Promise<ScriptedAgent> {
  const provider = await OpenAiServer.start(...script);
  const helper = new Agent({ id: 'helper', engine: aiSdk({ model: provider.model, ...engine }), ...agent });
  const started = await startApp({ ...app, agentOs: { ...app?.agentOs, agents: [helper] } });
  return { ...started, provider };
}
