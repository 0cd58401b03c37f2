import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  Guardrail,
  Hook,
  hookRef,
  InputCheckError,
  Team,
  Workflow,
  step,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';

import { ADAPTERS, closeApps, startApp } from './support/test-app.js';
import { createGate } from './support/gate.js';
import { namesOf, runJson, runSse } from './support/http-client.js';

const seen: string[] = [];
@Injectable()
class Hooks {
  gate = createGate();
  @Guardrail() noBad({ runInput }: PreHookContext) {
    if (runInput.content === 'bad')
      throw new InputCheckError('rejected input', { trigger: 'prompt_injection' });
  }
  @Hook(false) trim({ runInput }: PreHookContext) {
    runInput.content = runInput.content.trim();
  }
  @Hook(true) async notify({ runOutput, hook }: PostHookContext) {
    await this.gate.opened;
    seen.push(`${runOutput.content}:${runOutput.status}:${String(hook.delivered)}`);
  }
}

afterEach(closeApps);
describe.each(ADAPTERS)('%s', (adapter) => {
  it('smoke', async () => {
    seen.length = 0;
    const agent = new Agent({
      id: 'a',
      engine: async function* ({ input }) {
        yield 'You said ';
        yield input;
      },
      preHooks: [hookRef(Hooks, 'noBad'), hookRef(Hooks, 'trim')],
      postHooks: [hookRef(Hooks, 'notify')],
    });
    const team = new Team({
      id: 't',
      members: [agent],
      engine: ({ input, delegate }) => delegate('a', input),
    });
    const workflow = new Workflow({
      id: 'w',
      steps: [step('one', agent), step('two', ({ input }) => input + '!'), step('three', team)],
    });
    const { url, agentOs, app, log } = await startApp({
      adapter,
      agentOs: { agents: [agent], teams: [team], workflows: [workflow] },
      providers: [Hooks],
    });
    const json = await runJson(url, '/agents/a', ' hi ');
    expect(json).toMatchObject({ status: 200, body: { content: 'You said hi' } });
    console.log(JSON.stringify(json.body), log.entries);
    expect(seen).toEqual([]);
    app.get(Hooks).gate.open();
    await agentOs.drain();
    expect(seen).toEqual(['You said hi:COMPLETED:true']);
    console.log(JSON.stringify(await runJson(url, '/agents/a', 'bad')));
    console.log(
      namesOf(await runSse(url, '/workflows/w', 'hey')),
      JSON.stringify((await runSse(url, '/teams/t', 'bad')).slice(-1)),
    );
    await agentOs.drain();
    expect(seen.length).toBe(3);
    console.log(
      JSON.stringify(await (await fetch(url + '/hooks')).json()),
      JSON.stringify(await (await fetch(url + '/hooks/executions?limit=3')).json()),
    );
    const form = new FormData();
    form.set('message', 'x');
    form.set('stream', 'false');
    console.log(
      (await (await fetch(url + '/agents/a/runs', { method: 'POST', body: form })).text()).slice(0, 200),
    );
    console.log(await (await fetch(url + '/agents/b/runs', { method: 'POST', body: form })).text());
    console.log(await (await fetch(url + '/agents/a/runs', { method: 'POST' })).text());
  });
});
