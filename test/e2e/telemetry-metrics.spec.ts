import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InputCheckError,
  Workflow,
  type AgentOsOptions,
} from 'nestjs-agentos';
import { Engine, type EngineYield } from 'nestjs-agentos/engine';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { raise } from '../support/raise.js';
import { ask } from '../support/surfaces.js';
import { MemoryTelemetry, type Measurement } from '../support/telemetry.js';
import { closeApps, startApp } from '../support/test-app.js';

let memory: MemoryTelemetry;

beforeAll(() => {
  memory = new MemoryTelemetry();
});
afterAll(() => memory.close());
afterEach(async () => {
  await closeApps();
  await memory.measured();
});

class ModelEngine extends Engine {
  override readonly model = { id: 'gpt-5-mini', provider: 'openai.chat' };
  readonly #events: readonly EngineYield[];

  constructor(...events: readonly EngineYield[]) {
    super();
    this.#events = events;
  }

  override async *stream(): AsyncGenerator<EngineYield> {
    for (const event of this.#events) {
      if (event === 'fail') await Promise.reject(new Error('no model'));
      yield event;
    }
  }
}

const ask1 = async (agentOs: AgentOsOptions, path = '/agents/writer') => {
  const app = await startApp({ agentOs });
  await ask(app.url, path, 'the question', 'json', { session_id: 's1', user_id: 'ann' });
  await app.agentOs.drain();
  return app;
};
const writer = (options: Partial<ConstructorParameters<typeof Agent>[0]> = {}): Agent =>
  new Agent({ id: 'writer', name: 'Writer', engine: () => 'the answer', ...options });
/** How often each combination of attributes was recorded, or its value. */
const values = (list: readonly Measurement[] = []): unknown[] =>
  list.map(({ attributes, value }) => [attributes, value]);

const CHAT = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-5-mini',
};
const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'Writer' };

describe('The metrics of runs', () => {
  it('count requests to models, their tokens, tools and runs, and measure their durations', async () => {
    const engine = new ModelEngine(
      { type: 'model-request-started' },
      { type: 'tool-call', id: '1', name: 'find', arguments: {} },
      {
        type: 'model-request-completed',
        inputTokens: 12,
        outputTokens: 3,
        cacheReadTokens: 8,
        reasoningTokens: 1,
      },
      { type: 'tool-result', id: '1', result: 'found' },
      { type: 'model-request-started' },
      'the answer',
      { type: 'model-request-completed', inputTokens: 20, outputTokens: 5, cacheWriteTokens: 2 },
    );
    await ask1({ agents: [writer({ engine })] });
    const measured = await memory.measured();
    const tokens = 'gen_ai.client.inference.usage';
    expect(Object.fromEntries(Object.entries(measured).map(([name, list]) => [name, values(list)]))).toEqual({
      'gen_ai.client.inference.duration': [[CHAT, 2]],
      [`${tokens}.input_tokens`]: [[CHAT, 32]],
      [`${tokens}.output_tokens`]: [[CHAT, 8]],
      [`${tokens}.cache_read.input_tokens`]: [[CHAT, 8]],
      [`${tokens}.cache_write.input_tokens`]: [[CHAT, 2]],
      [`${tokens}.reasoning.output_tokens`]: [[CHAT, 1]],
      'gen_ai.execute_tool.duration': [
        [
          {
            'gen_ai.operation.name': 'execute_tool',
            'gen_ai.tool.name': 'find',
            'gen_ai.tool.type': 'function',
          },
          1,
        ],
      ],
      'gen_ai.invoke_agent.duration': [[AGENT, 1]],
      'gen_ai.invoke_agent.inference_calls': [[AGENT, 1]],
      'gen_ai.invoke_agent.tool_calls': [[AGENT, 1]],
    });
    expect(measured['gen_ai.invoke_agent.inference_calls']?.[0]?.sum).toBe(2);
    expect(measured['gen_ai.invoke_agent.tool_calls']?.[0]?.sum).toBe(1);
  });

  it('count the tokens that an engine reports for the run as a whole, once', async () => {
    const engine = new ModelEngine(
      { type: 'model-request-started' },
      { type: 'model-request-completed', inputTokens: 10, outputTokens: 1 },
      { content: 'the answer', metrics: { inputTokens: 5, outputTokens: 2 } },
    );
    await ask1({ agents: [writer({ engine })] });
    const measured = await memory.measured();
    expect(values(measured['gen_ai.client.inference.usage.input_tokens'])).toEqual([[CHAT, 15]]);
    expect(values(measured['gen_ai.client.inference.usage.output_tokens'])).toEqual([[CHAT, 3]]);
  });

  it('name the type of the error of a request, a tool and a run that fail', async () => {
    const engine = new ModelEngine(
      { type: 'tool-call', id: '1', name: 'find', arguments: {} },
      { type: 'tool-result', id: '1', result: 'away', failed: true },
      { type: 'model-request-started' },
      'fail',
    );
    await ask1({ workflows: [new Workflow({ id: 'flow', steps: [writer({ engine })] })] }, '/workflows/flow');
    const measured = await memory.measured();
    expect(values(measured['gen_ai.client.inference.duration'])).toEqual([
      [{ ...CHAT, 'error.type': 'run_failed' }, 1],
    ]);
    expect(measured['gen_ai.execute_tool.duration']?.[0]?.attributes['error.type']).toBe('tool_error');
    expect(values(measured['gen_ai.invoke_agent.duration'])).toEqual([
      [{ ...AGENT, 'error.type': 'run_failed' }, 1],
      [
        {
          'gen_ai.operation.name': 'invoke_workflow',
          'gen_ai.agent.name': 'flow',
          'error.type': 'step_failed',
        },
        1,
      ],
    ]);
  });

  it('have a bounded number of attributes, although a model may make up names of tools', async () => {
    const calls = Array.from({ length: 700 }, (_, index): EngineYield[] => [
      { type: 'tool-call', id: `${index}`, name: `tool ${index}`, arguments: {} },
      { type: 'tool-result', id: `${index}`, result: '' },
    ]);
    await ask1({ agents: [writer({ engine: new ModelEngine(...calls.flat()) })] });
    const names = (await memory.measured())['gen_ai.execute_tool.duration']?.map(
      ({ attributes }) => attributes['gen_ai.tool.name'],
    );
    expect(names?.length).toBeLessThanOrEqual(501);
    expect(names).toContain('_OTHER');
  });
});

describe('The metrics of hooks', () => {
  it('measure duration and wait by hook, mode and state, without any id', async () => {
    const hooks = [
      defineHook(() => undefined, { name: 'inline' }),
      inBackground('notify', () => undefined),
      inBackground('broken', () => raise(new Error('broken'))),
      inBackground('audit', () => undefined, { on: ['failed'] }),
      inBackground('hang', () => new Promise(() => undefined), { timeout: 1 }),
    ];
    await ask1({ agents: [writer({ postHooks: hooks })] });
    const measured = await memory.measured();
    const of = (hook: string, mode: string, state: string) => ({
      'agent_os.hook': hook,
      'agent_os.hook.mode': mode,
      'agent_os.hook.state': state,
    });
    // Hooks that have not run have neither waited nor taken time.
    const ran = [
      [of('inline', 'inline', 'succeeded'), 1],
      [of('notify', 'background', 'succeeded'), 1],
      [of('broken', 'background', 'failed'), 1],
      [of('hang', 'background', 'timed_out'), 1],
    ];
    expect(values(measured['agent_os.hook.duration'])).toEqual(ran);
    expect(values(measured['agent_os.hook.wait'])).toEqual(ran);
    expect(JSON.stringify(measured)).not.toMatch(/s1|ann|[0-9a-f]{8}-[0-9a-f]{4}/);
  });

  it('do not measure the wait of a hook that is run again on request, but its duration', async () => {
    let isBroken = true;
    const hook = inBackground('notify', () => (isBroken ? raise(new Error('broken')) : undefined));
    const { agentOs } = await ask1({ agents: [writer({ postHooks: [hook] })] });
    await memory.measured();
    isBroken = false;
    const [execution] = await agentOs.executions.list({ hook: 'notify' });
    await agentOs.executions.retry(String(execution?.id));
    await agentOs.drain();
    const measured = await memory.measured();
    expect(measured['agent_os.hook.duration']?.map(({ value }) => value)).toEqual([1]);
    expect(measured['agent_os.hook.wait']).toBeUndefined();
  });

  it('show how many wait and run, and the age of the oldest, and go back to 0', async () => {
    const started = createGate();
    const goOn = createGate();
    const hooks = [
      inBackground('slow', async () => {
        started.open();
        await goOn.opened;
      }),
      inBackground('after', () => undefined),
    ];
    const { url, agentOs } = await startApp({ agentOs: { agents: [writer({ postHooks: hooks })] } });
    const list = jest.spyOn(agentOs.executions, 'list');
    await ask(url, '/agents/writer', 'the question', 'json');
    await started.opened;
    const gauge = async (name: string) =>
      ((await memory.measured())[name] ?? []).map(({ attributes, value }) => [
        attributes['agent_os.hook'],
        attributes['agent_os.hook.mode'],
        attributes['agent_os.hook.state'],
        value,
      ]);
    expect(await gauge('agent_os.hook.pending')).toEqual([
      ['slow', 'background', 'scheduled', 0],
      ['slow', 'background', 'running', 1],
      ['after', 'background', 'scheduled', 1],
      ['after', 'background', 'running', 0],
    ]);
    const [, oldest] = (await memory.measured())['agent_os.hook.oldest'] ?? [];
    expect(oldest?.attributes).toEqual({ 'agent_os.hook': 'after', 'agent_os.hook.mode': 'background' });
    expect(oldest?.value).toBeGreaterThanOrEqual(0);
    goOn.open();
    await agentOs.drain();
    expect((await gauge('agent_os.hook.pending')).map((line) => line.at(-1))).toEqual([0, 0, 0, 0]);
    expect((await gauge('agent_os.hook.oldest')).map((line) => line.at(-1))).toEqual([0, 0]);
    // The ledger may be that of many processes, and long.
    expect(list).not.toHaveBeenCalled();
  });

  it('end with the application', async () => {
    const { close } = await ask1({
      agents: [writer({ postHooks: [inBackground('notify', () => undefined)] })],
    });
    await close();
    await memory.measured();
    expect(Object.keys(await memory.measured())).toEqual([]);
  });

  it('count a guardrail that refuses as a success', async () => {
    const guard = defineGuardrail(() => raise(new InputCheckError('No.')), { name: 'guard' });
    await ask1({ agents: [writer({ preHooks: [guard] })] });
    const [duration] = (await memory.measured())['agent_os.hook.duration'] ?? [];
    expect(duration?.attributes['agent_os.hook.state']).toBe('succeeded');
  });
});
