import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  BadRequestException,
  ForbiddenException,
  InternalServerErrorException,
  NotFoundException,
} from '@nestjs/common';
import { dynamicTool, jsonSchema, tool, type ToolSet } from 'ai';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InputCheckError,
  ProviderError,
  RunFailedError,
  step,
  Team,
  Workflow,
  type PostHookContext,
  type RunEvent,
} from 'nestjs-agentos';
import { aiSdk, ToolError } from 'nestjs-agentos/ai-sdk';
import { z } from 'zod';

import { runJson, runSse, type Frame } from '../support/http-client.js';
import {
  API_KEY,
  breaksOff,
  calls,
  closeOpenAiServers,
  endsEarly,
  OpenAiServer,
  refuses,
  says,
  saysUntil,
  streamsRaw,
  type ScriptStep,
} from '../support/openai-server.js';
import { startScriptedAgent, type ScriptedAgent } from '../support/scripted-agent.js';
import { ask, TRANSPORTS } from '../support/surfaces.js';
import { closeApps } from '../support/test-app.js';
import { recordUnhandledRejections, type RejectionRecorder } from '../support/unhandled-rejections.js';

let unhandled: RejectionRecorder;
beforeEach(() => void (unhandled = recordUnhandledRejections()));
afterEach(closeApps);
afterEach(closeOpenAiServers);
afterEach(async () => expect(await unhandled.stop()).toEqual([]));
afterEach(() => void jest.restoreAllMocks());

const SOON = { 'retry-after-ms': '1' };
const never = new Promise<void>(() => undefined);

/** What the run rejects with, in the process. */
async function failureOf({ agentOs }: ScriptedAgent): Promise<Error> {
  return agentOs.run('helper', 'Hi').then(
    () => Promise.reject(new Error('The run completed.')),
    (error: Error) => error,
  );
}

describe('A model provider', () => {
  interface Fault {
    readonly does: string;
    readonly step: ScriptStep;
    readonly providerStatus?: number;
  }
  const faults: readonly Fault[] = [
    { does: 'refuses the key', step: refuses(401, `Incorrect API key: ${API_KEY}`), providerStatus: 401 },
    { does: 'does not know the model', step: refuses(404, `No model for ${API_KEY}`), providerStatus: 404 },
    { does: 'breaks down', step: refuses(500, `Stack trace with ${API_KEY}`), providerStatus: 500 },
    { does: 'cuts the connection', step: breaksOff('Hel') },
    { does: 'ends the stream in the middle', step: endsEarly('Hel') },
    { does: 'reports an error as its finish reason', step: saysUntil('error', 'Your refund of ') },
    { does: 'was aborted in the middle', step: saysUntil('abort', 'Your refund of ') },
    { does: 'sends no protocol', step: streamsRaw('data: {"key": "sk-test-\n\n') },
    {
      does: 'reports an error in the stream',
      step: streamsRaw(`data: {"error":{"message":"${API_KEY}"}}\n\n`),
    },
  ];

  it.each(faults)(
    'that $does is answered with 502, without the text of its error',
    async ({ step, providerStatus }) => {
      const printed = (['error', 'warn'] as const).map((level) =>
        jest.spyOn(console, level).mockImplementation(() => undefined),
      );
      const app = await startScriptedAgent([step, step, step], { engine: { maxRetries: 0 } });
      for (const transport of TRANSPORTS) {
        const { status, text, body } = await ask(app.url, '/agents/helper', 'Hi', transport);
        expect(status).toBe(transport === 'json' ? 502 : 200);
        expect(body).toMatchObject({ content: 'The model provider failed.', error_type: 'provider_error' });
        expect(text).not.toMatch(/sk-test|authorization|at .*\.[jt]s|node_modules/i);
      }
      const error = await failureOf(app);
      expect(error).toBeInstanceOf(ProviderError);
      expect(error).toMatchObject({ providerStatus, runOutput: { status: 'ERROR' } });
      expect(error.message).toContain('The model "scripted-1" of "scripted.chat"');
      expect(printed.map((spy) => spy.mock.calls)).toEqual([[], []]);
    },
  );

  it('that cannot be reached is answered with 502', async () => {
    const app = await startScriptedAgent([], { engine: { maxRetries: 0 } });
    await app.provider.close();
    const { status, body } = await runJson(app.url, '/agents/helper', 'Hi');
    expect([status, body.error_type]).toEqual([502, 'provider_error']);
  });

  it.each([
    ['does not begin', says(never)],
    ['does not end', says('Hel', never)],
  ])('that %s its answer within timeout is answered with 502', async (_, step) => {
    const app = await startScriptedAgent([step], { engine: { timeout: 400 } });
    const error = await failureOf(app);
    expect(error).toBeInstanceOf(ProviderError);
    expect(error.message).toContain('did not answer in time');
  });

  it('that was busy is asked again, and the answer is streamed once', async () => {
    const script = [refuses(429, 'Slow down', SOON), refuses(503, 'Busy', SOON), says('Hello')];
    const { url, provider } = await startScriptedAgent(script);
    const frames = await runSse(url, '/agents/helper', 'Hi');
    expect(contentsOf(frames)).toEqual(['Hello']);
    expect(provider.requests).toHaveLength(3);
  });

  it('that never recovers ends the run after maxRetries, with the last status', async () => {
    const busy = refuses(429, 'Slow down', SOON);
    const app = await startScriptedAgent([busy, busy], { engine: { maxRetries: 1 } });
    expect(await failureOf(app)).toMatchObject({ providerStatus: 429 });
  });
});

describe('An incomplete answer', () => {
  it.each(['length', 'content_filter'])(
    'because of %s is reported in output, metrics, events and session',
    async (reason) => {
      const step = saysUntil(reason, 'Your refund of ');
      const { url, agentOs } = await startScriptedAgent([step, step, step]);
      const frames = await runSse(url, '/agents/helper', 'Hi');
      const { status, body } = await runJson(url, '/agents/helper', 'Hi');
      const stored = (await (
        await fetch(`${url}/sessions/${String(body.session_id)}/runs`)
      ).json()) as unknown[];
      const why = { finish_reason: reason };
      const completed = { model_provider_data: why, metrics: { additional_metrics: why } };
      expect([status, body]).toMatchObject([
        200,
        {
          content: 'Your refund of ',
          ...completed,
          messages: [{}, { metrics: { additional_metrics: why } }],
        },
      ]);
      expect(frames.find(({ event }) => event === 'ModelRequestCompleted')?.data).toMatchObject(why);
      expect(frames.at(-1)?.data).toMatchObject(completed);
      expect(stored).toMatchObject([{ metrics: { additional_metrics: why } }]);
      const { metrics } = await agentOs.run('helper', 'Hi');
      expect(metrics.finishReason).toBe(reason.replace('_', '-'));
    },
  );

  it('is not reported if the last request to the model brought a complete one', async () => {
    const agent = new Agent({
      id: 'twice',
      engine: function* () {
        for (const finishReason of ['length', undefined] as const) {
          yield { type: 'model-request-started' } as const;
          yield { type: 'model-request-completed', ...(finishReason ? { finishReason } : {}) } as const;
        }
        yield 'Done.';
      },
    });
    expect((await agent.run('Hi')).metrics).not.toHaveProperty('finishReason');
  });

  it('is named by the team that routes to its agent, and by the workflow that ends with it', async () => {
    const step = saysUntil('length', 'Half');
    const provider = await OpenAiServer.start(step, step);
    const agent = new Agent({ id: 'helper', engine: aiSdk({ model: provider.model }) });
    const team = new Team({
      id: 'team',
      mode: 'route',
      members: [agent],
      engine: ({ delegate, input }) => delegate('helper', input),
    });
    const flow = new Workflow({ id: 'flow', steps: [agent] });
    const routed = await team.run('Hi');
    const last = await flow.run('Hi');
    expect([routed, last].map(({ metrics }) => metrics.finishReason)).toEqual(['length', 'length']);
    expect(last.stepResults[0]?.metrics?.finishReason).toBe('length');
  });

  it('may come from an engine of any kind', async () => {
    const agent = new Agent({ id: 'plain', engine: () => ({ content: 'Half', finishReason: 'length' }) });
    expect((await agent.run('Hi')).metrics.finishReason).toBe('length');
  });
});

describe('A malformed answer', () => {
  const output = z.object({ city: z.string(), people: z.number() });

  it.each<[string, ScriptStep, string]>([
    ['that is not JSON', says('secret: Wien'), "The model's answer is not JSON"],
    ['of another form', says('{"city":"secret"}'), 'does not match the output schema: people: Invalid input'],
    ['that was cut off', saysUntil('length', '{"city":"secret'), 'its finish reason is "length"'],
  ])('%s fails the run, and is shown in the log but not to clients', async (_, step, problem) => {
    const app = await startScriptedAgent([step, step, step], { engine: { output } });
    for (const transport of TRANSPORTS) {
      const { status, text, body } = await ask(app.url, '/agents/helper', 'Wien?', transport);
      expect(status).toBe(transport === 'json' ? 500 : 200);
      expect(body).toMatchObject({ content: 'The run failed.', error_type: 'run_failed' });
      expect(text).not.toContain('secret');
    }
    const error = await failureOf(app);
    expect(error).toBeInstanceOf(RunFailedError);
    expect(error.message).toContain(problem);
    expect(app.log.messages('error').at(-1)).toContain(problem);
  });

  it.each([
    ['in a code block', '```json\n{"city":"Wien","people":1}\n```'],
    ['between words', 'Here you are: {"city":"Wien","people":1}. I hope it helps {you}.'],
    ['after a draft', 'Is it {"city":"Rom","people":1}? No: {"city":"Wien","people":1}'],
    ['after reasoning', '<think>It is {"city":"Rom","people":1} or so.</think>\n{"city":"Wien","people":1}'],
    ['after a byte order mark', '\uFEFF{"city":"Wien","people":1}'],
    ['before a reference', '{"city":"Wien","people":1} [1]'],
  ])('is not reported if a complete answer stands %s', async (_, said) => {
    const { url } = await startScriptedAgent([says(said)], { engine: { output } });
    const { status, body } = await runJson(url, '/agents/helper', 'Wien?');
    expect([status, body.content]).toEqual([200, { city: 'Wien', people: 1 }]);
    expect(body.messages).toMatchObject([{}, { content: '{"city":"Wien","people":1}' }]);
  });

  it('in a step of another engine with a schema is read in the same way', async () => {
    const classify = step('classify', () => 'Sure! ```json\n{"city":"Wien","people":1}\n```', { output });
    const { data } = await new Workflow({ id: 'flow', steps: [classify] }).run('Wien?');
    expect(data).toEqual({ city: 'Wien', people: 1 });
  });

  it('is asked for again if the agent has retries', async () => {
    const { agentOs } = await startScriptedAgent([says('Wien'), says('{"city":"Wien","people":1}')], {
      engine: { output },
      agent: { retries: 1 },
    });
    expect(await agentOs.run('helper', 'Wien?')).toMatchObject({ data: { city: 'Wien', people: 1 } });
  });
});

describe('A tool that fails', () => {
  const secret = 'database password hunter2';
  const FAILED = 'The tool failed.';
  const id = z.object({ id: z.number() });
  const revokedProxy = (): unknown => {
    const { proxy, revoke } = Proxy.revocable(new Error(secret), {});
    revoke();
    return { then: (_: unknown, reject: (error: unknown) => void) => reject(proxy) };
  };
  const broken = new Agent({
    id: 'broken',
    engine: () => {
      throw new Error(secret);
    },
  });
  const inner = new Agent({
    id: 'inner',
    preHooks: [
      defineGuardrail(
        () => {
          throw new InputCheckError('No such questions, please.');
        },
        { name: 'refuse' },
      ),
    ],
    engine: () => 'never',
  });
  const failing = (error: () => unknown) =>
    tool({
      inputSchema: z.object({ id: z.number() }),
      execute: async (): Promise<string> => {
        throw await error();
      },
    });
  const callsTool = (args: object | string, name = 'lookUp'): ScriptStep =>
    calls([{ name, arguments: args }]);

  it.each<[string, ToolSet[string], string]>([
    ['throws', failing(() => new Error(secret)), FAILED],
    ['throws a value that is not an Error', failing(() => secret), FAILED],
    ['throws an error that cannot be read', failing(revokedProxy), FAILED],
    ['throws an exception of the server', failing(() => new InternalServerErrorException(secret)), FAILED],
    ['throws an error of the provider', failing(() => new ProviderError(secret, undefined)), FAILED],
    ['throws when its time is up', failing(() => AbortSignal.abort(new Error(secret)).reason), FAILED],
    ['throws an error for the model', failing(() => new ToolError('No order 7.')), 'No order 7.'],
    [
      'throws an error for the model with a cause',
      failing(() => new ToolError('No order 7.', { cause: new Error(secret) })),
      'No order 7.',
    ],
    ['throws an exception for clients of a controller', failing(() => new NotFoundException(secret)), FAILED],
    ['throws an exception with several texts', failing(() => new BadRequestException([secret])), FAILED],
    ['returns an error', tool({ inputSchema: id, execute: (): unknown => new Error(secret) }), FAILED],
    [
      'returns an error that says as JSON what it holds',
      tool({
        inputSchema: id,
        execute: (): unknown => Object.assign(new Error(secret), { toJSON: () => ({ secret }) }),
      }),
      FAILED,
    ],
    [
      'returns an error for the model',
      tool({ inputSchema: id, execute: (): unknown => new ToolError('No order 7.') }),
      'No order 7.',
    ],
    ...(['needsApproval', 'onInputStart', 'onInputDelta', 'onInputAvailable'] as const).map(
      (callback): [string, ToolSet[string], string] => [
        `throws in ${callback}`,
        tool({
          inputSchema: id,
          execute: (): string => secret,
          [callback]: () => Promise.reject(new Error(secret)),
        }),
        FAILED,
      ],
    ),
    ['starts a run that is rejected', failing(() => inner.run('Hi')), 'No such questions, please.'],
    ['starts a run that fails', failing(() => broken.run('Hi')), 'The run failed.'],
    ['returns what is no JSON', tool({ inputSchema: id, execute: (): unknown => ({ id: 7n }) }), FAILED],
    [
      'returns what throws when it becomes JSON',
      tool({
        inputSchema: id,
        execute: (): unknown => ({
          toJSON: () => {
            throw new Error(secret);
          },
        }),
      }),
      FAILED,
    ],
    [
      'throws at once',
      tool({
        inputSchema: id,
        execute: (): string => {
          throw new Error(secret);
        },
      }),
      FAILED,
    ],
    [
      'throws in the middle of what it streams',
      tool({
        inputSchema: id,
        execute: async function* () {
          yield 'half';
          throw new Error(secret);
        },
      }),
      FAILED,
    ],
    [
      'is dynamic and throws',
      dynamicTool({
        inputSchema: jsonSchema({ type: 'object' }),
        execute: async () => {
          throw new Error(secret);
        },
      }),
      FAILED,
    ],
  ])('because it %s tells the model and the client no secret', async (_, lookUp, told) => {
    const script = [callsTool({ id: 7 }), says('I could not find it.')];
    const seen: unknown[] = [];
    const remember = defineHook(
      ({ runOutput }: PostHookContext) => void seen.push(...runOutput.tools.map(({ result }) => result)),
      { runInBackground: true },
    );
    const { url, provider, agentOs, log } = await startScriptedAgent([...script, ...script], {
      engine: { tools: { lookUp } },
      agent: { postHooks: [remember] },
    });
    const frames = await runSse(url, '/agents/helper', 'Order 7?');
    const { body } = await runJson(url, '/agents/helper', 'Order 7?');
    await agentOs.drain();
    const stored = await (await fetch(`${url}/sessions/${String(body.session_id)}/runs`)).json();
    expect(frames.find(({ event }) => event === 'ToolCallError')?.data.error).toBe(told);
    expect(body).toMatchObject({
      status: 'COMPLETED',
      content: 'I could not find it.',
      tools: [{ tool_name: 'lookUp', tool_call_error: true, result: told }],
    });
    expect(toldTo(provider)).toBe(told);
    expect(JSON.stringify([frames, body, stored, seen])).not.toContain('hunter2');
    expect(seen).toEqual([told, told]);
    // Each of the two runs has logged it once.
    const logged = log.entries.filter(({ message }) => message.includes('hunter2'));
    expect(logged.length).toBeLessThanOrEqual(2);
  });

  it.each([
    ['its schema throws', FAILED, () => Promise.reject(new Error(secret))],
    [
      'its schema throws an error for the model',
      'Ask again later.',
      () => Promise.reject(new ToolError('Ask again later.')),
    ],
  ])('because %s tells the model and the client no secret', async (_, told, check) => {
    const lookUp = tool({ inputSchema: id.refine(check), execute: () => 'never' });
    const { agentOs, provider, log } = await startScriptedAgent([callsTool({ id: 7 }), says('ok')], {
      engine: { tools: { lookUp } },
    });
    const { tools, runId } = await agentOs.run('helper', 'Order 7?');
    expect(tools).toMatchObject([{ failed: true, result: FAILED }]);
    expect(toldTo(provider)).toMatch(new RegExp(`^Invalid input for tool lookUp: .*${told}$`, 's'));
    expect(log.messages(told === FAILED ? 'error' : 'warn').filter((line) => line.includes(runId))).toEqual([
      `Tool "lookUp" failed in run ${runId}: ${told === FAILED ? secret : told}`,
    ]);
  });

  it('because its result cannot be converted for the model tells the model no secret', async () => {
    const lookUp = tool({
      inputSchema: id,
      execute: () => 'found',
      toModelOutput: () => {
        throw new Error(secret);
      },
    });
    const { agentOs, provider, log } = await startScriptedAgent([callsTool({ id: 7 }), says('ok')], {
      engine: { tools: { lookUp } },
    });
    const { runId } = await agentOs.run('helper', 'Order 7?');
    expect(provider.requests[1]?.body.messages.at(-1)?.content).toBe(FAILED);
    expect(log.messages('error')).toEqual([`Tool "lookUp" failed in run ${runId}: ${secret}`]);
  });

  it('in a part of its work tells the model and the client no secret of that part', async () => {
    const lookUp = tool({
      inputSchema: id,
      execute: () =>
        Promise.allSettled([
          Promise.resolve('found'),
          Promise.reject(new Error(secret)),
          Promise.reject(Object.assign(new Error(), { toJSON: () => secret })),
          Promise.reject(new ToolError('No order 7.')),
        ]),
    });
    const { agentOs, provider, log } = await startScriptedAgent([callsTool({ id: 7 }), says('ok')], {
      engine: { tools: { lookUp } },
    });
    const { tools } = await agentOs.run('helper', 'Order 7?');
    const told = [
      { status: 'fulfilled', value: 'found' },
      { status: 'rejected', reason: FAILED },
      { status: 'rejected', reason: FAILED },
      { status: 'rejected', reason: 'No order 7.' },
    ];
    expect(JSON.parse(String(tools[0]?.result))).toEqual(told);
    expect(JSON.parse(toldTo(provider))).toEqual(told);
    expect(log.messages('error')).toHaveLength(2);
  });

  it('is logged, as a warning if its error was written for the model', async () => {
    const tools = {
      broken: failing(() => new Error(secret)),
      refusing: failing(() => new ForbiddenException('Not yours.')),
      lost: failing(() => new ToolError('No order.', { cause: new Error('No row.') })),
    };
    const script = ['broken', 'refusing', 'lost'].map((name) => callsTool({ id: 1 }, name));
    const { agentOs, log } = await startScriptedAgent([...script, says('ok')], { engine: { tools } });
    const { runId } = await agentOs.run('helper', 'Hi');
    expect(log.messages('error')).toEqual([
      `Tool "broken" failed in run ${runId}: ${secret}`,
      `Tool "refusing" failed in run ${runId}: Not yours.`,
    ]);
    expect(log.messages('warn').filter((line) => line.includes(runId))).toEqual([
      `Tool "lost" failed in run ${runId}: No order. (cause: No row.)`,
    ]);
  });

  it('because it was called wrongly lets the model try again', async () => {
    const lookUp = tool({ inputSchema: z.object({ id: z.number() }), execute: ({ id }) => `order ${id}` });
    const script = [
      callsTool({ id: 'seven' }),
      callsTool('{"id": '),
      callsTool({}, 'unknown'),
      callsTool({ id: 7 }),
      says('ok'),
    ];
    const { agentOs, provider } = await startScriptedAgent(script, { engine: { tools: { lookUp } } });
    const { tools, content } = await agentOs.run('helper', 'Order 7?');
    expect([content, ...tools.map(({ name, failed, result }) => [name, failed, result])]).toEqual([
      'ok',
      ['lookUp', true, 'The tool failed.'],
      ['lookUp', true, 'The tool failed.'],
      ['unknown', true, 'The tool failed.'],
      ['lookUp', false, 'order 7'],
    ]);
    expect(String(provider.requests[1]?.body.messages.at(-1)?.content)).toContain('expected number');
  });

  it('because it rejects the run ends the run, even with a check error of its own', async () => {
    const rejection = new InputCheckError('This page tries to give orders.', { trigger: 'prompt_injection' });
    const script = [callsTool({ id: 7 })];
    const { url, provider } = await startScriptedAgent([...script, ...script], {
      engine: { tools: { lookUp: failing(() => rejection) } },
    });
    for (let run = 0; run < 2; run++) {
      const { status, body } = await runJson(url, '/agents/helper', 'Read it');
      expect([status, body.content, body.error_id]).toEqual([400, rejection.message, 'prompt_injection']);
    }
    expect(provider.requests).toHaveLength(2);
  });

  it('again and again fails the run at maxSteps', async () => {
    const lookUp = tool({ inputSchema: z.object({ id: z.number() }), execute: ({ id }) => `order ${id}` });
    const again = callsTool({ id: 7 });
    const app = await startScriptedAgent([again, again], { engine: { tools: { lookUp }, maxSteps: 2 } });
    expect((await failureOf(app)).message).toContain('The model still calls tools after 2 steps');
  });

  it('because it needs an approval fails the run, since approvals are not supported', async () => {
    const lookUp = tool({
      inputSchema: z.object({ id: z.number() }),
      needsApproval: true,
      execute: () => 'no',
    });
    const app = await startScriptedAgent([callsTool({ id: 7 })], { engine: { tools: { lookUp } } });
    expect((await failureOf(app)).message).toContain('Tool "lookUp" needs an approval');
  });
});

describe('A run that is cancelled', () => {
  it("aborts the provider's request, and keeps the text so far and the tokens of earlier calls", async () => {
    const look = tool({ inputSchema: z.object({}), execute: () => 'ok' });
    const script = [calls([{ name: 'look', arguments: {} }], 'First.'), says('Then', never)];
    const { agentOs, provider } = await startScriptedAgent(script, { engine: { tools: { look } } });
    const caller = new AbortController();
    let last: RunEvent | undefined;
    for await (const event of agentOs.stream('helper', 'Hi', { signal: caller.signal })) {
      if (event.type === 'run-content' && event.content.includes('Then')) caller.abort();
      last = event;
    }
    expect(last).toMatchObject({
      type: 'run-cancelled',
      output: {
        status: 'CANCELLED',
        content: 'First.\n\nThen',
        metrics: { inputTokens: 10, outputTokens: 5 },
      },
    });
    expect(await provider.requests[1]?.closed).toBe(false);
  });

  it("because its client left aborts the provider's request", async () => {
    const app = await startScriptedAgent([says('Hel', never)], {
      app: { agentOs: { onDisconnect: 'cancel' } },
    });
    const client = app.client.stream('helper', 'Hi');
    await client.until(({ content }) => content === 'Hel');
    await client.leave();
    expect(await app.provider.requests[0]?.closed).toBe(false);
  });

  it('aborts its tools, and does not report them as failed', async () => {
    const caller = new AbortController();
    const wait = tool({
      inputSchema: z.object({}),
      execute: async (_, { abortSignal }) => {
        caller.abort();
        abortSignal?.throwIfAborted();
      },
    });
    const script = [calls([{ name: 'wait', arguments: {} }])];
    const { agentOs, log } = await startScriptedAgent(script, { engine: { tools: { wait } } });
    await expect(agentOs.run('helper', 'Hi', { signal: caller.signal })).rejects.toMatchObject({
      runOutput: { status: 'CANCELLED' },
    });
    // The run does not wait for its tools: let this one throw.
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(log.entries.filter(({ message }) => message.includes('"wait"'))).toEqual([]);
  });
});

function contentsOf(frames: readonly Frame[]): unknown[] {
  return frames.filter(({ event }) => event === 'RunContent').map(({ data }) => data.content);
}

/** What the model was told of its tool call. Version 7 of the AI SDK begins with the name of the error. */
function toldTo({ requests }: OpenAiServer): string {
  const [, asked] = requests;
  return String(asked?.body.messages.at(-1)?.content).replace(/^\w*Error: /, '');
}
