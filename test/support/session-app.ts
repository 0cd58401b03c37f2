import {
  Agent,
  Team,
  Workflow,
  type AgentOsExtras,
  type AgentOsOptions,
  type RunOutput,
} from 'nestjs-agentos';
import { Engine } from 'nestjs-agentos/engine';
import { SessionStore } from 'nestjs-agentos/stores';

import { callJson, type JsonCall, type Reply } from './json-client.js';
import { componentOf, keepRun, MODEL, storedRunOf } from './stored-data.js';
import { startApp, type Adapter, type TestApp, type TestAppOptions } from './test-app.js';

export type Item = Record<string, unknown>;
export type HttpOptions = Exclude<NonNullable<(AgentOsExtras & AgentOsOptions)['http']>, false>;

/** Clients send it even without a body. */
export const JSON_TYPE: Readonly<Record<string, string>> = { 'content-type': 'application/json' };

class Echo extends Engine {
  override readonly model = MODEL;

  override async *stream({ input }: { readonly input: string }): AsyncIterable<string> {
    yield input;
  }
}

const helper = new Agent({ id: 'helper', name: 'Helper', engine: new Echo() });
const desk = new Team({
  id: 'desk',
  name: 'Desk',
  members: [helper],
  engine: ({ input, delegate }) => delegate('helper', input),
});
const flow = new Workflow({ id: 'flow', name: 'Flow', description: 'Flows', steps: [helper] });

/** An application with an agent, a team and a workflow that repeat what they are asked. */
export interface SessionApp extends TestApp {
  readonly store: SessionStore;
  call(method: string, path: string, call?: JsonCall): Promise<Reply>;
}

export async function startSessionApp(
  adapter: Adapter,
  http: HttpOptions = {},
  options: TestAppOptions = {},
): Promise<SessionApp> {
  const agentOs = { agents: [helper], teams: [desk], workflows: [flow], http };
  const served = await startApp({ adapter, agentOs, ...options });
  return {
    ...served,
    store: served.app.get(SessionStore),
    call: (method, path, call) => callJson(served.url, method, path, call),
  };
}

/** Starts with three sessions, one of each kind. */
export async function startWithSessions(adapter: Adapter, http: HttpOptions = {}): Promise<SessionApp> {
  const served = await startSessionApp(adapter, http);
  const keep = (sessionId: string, content: string, output: Partial<RunOutput>): Promise<void> =>
    keepRun(
      served.store,
      storedRunOf({ sessionId, runId: `run-${sessionId}`, ...output }, { input: { content } }),
    );
  await keep('a1', 'Alpha', { userId: 'ann' });
  await keep('t1', 'Beta', { userId: 'bob', component: componentOf('desk', 'team') });
  await keep('w1', 'Gamma', { userId: 'ann', component: componentOf('flow', 'workflow') });
  return served;
}

/** The ids of a list of sessions. */
export function sessionIdsOf({ body }: Reply): unknown[] {
  return (body as { data: Item[] }).data.map(({ session_id }) => session_id);
}

/** Where the fields stand that were refused. */
export function problemsOf({ body }: Reply): unknown[] {
  return (body as { detail: { loc: unknown }[] }).detail.map(({ loc }) => loc);
}
