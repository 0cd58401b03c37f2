import { Controller, HttpException, Param, Post } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentOsService,
  AgentRunError,
  defineGuardrail,
  InputCheckError,
  OutputCheckError,
  Team,
  type PreHookContext,
  type RunEvent,
} from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { raise } from '../support/raise.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

const SECRET = 'sk-live-4711';

/** A user's own controller, which leaves errors to Nest. */
@Controller('ask')
class AskController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Post(':id')
  async ask(@Param('id') id: string): Promise<string> {
    const { content } = await this.agentOs.run(id, 'hello');
    return content;
  }
}

const picky = new Agent({
  id: 'picky',
  engine: () => 'never asked',
  preHooks: [defineGuardrail(() => raise(new InputCheckError('Not here.')), { name: 'guard' })],
});
const shy = new Agent({
  id: 'shy',
  engine: () => 'the answer',
  postHooks: [defineGuardrail(() => raise(new OutputCheckError('I cannot say that.')), { name: 'guard' })],
});
const clumsy = new Agent({
  id: 'clumsy',
  engine: () => 'never asked',
  preHooks: [defineGuardrail(() => raise(new Error(SECRET)), { name: 'guard' })],
});
const broken = new Agent({ id: 'broken', engine: () => raise(new Error(SECRET)) });
const poor = new Agent({
  id: 'poor',
  engine: () => raise(new HttpException({ message: 'Out of credit.', balance: 0 }, 402)),
});
const desk = new Team({ id: 'desk', members: [poor], engine: ({ delegate }) => delegate('poor', 'hello') });
const agents = [picky, shy, clumsy, broken, poor];

describe('The errors of runs that user code starts', () => {
  it("are answered correctly from a user's own controller without a filter", async () => {
    const { url, log } = await startApp({
      agentOs: { agents, teams: [desk] },
      controllers: [AskController],
    });

    const answers = await Promise.all(
      [...agents, desk].map(async ({ id }) => {
        const response = await fetch(`${url}/ask/${id}`, { method: 'POST' });
        return [id, response.status, await response.text()] as const;
      }),
    );

    const nestBody = (statusCode: number, message: string, error: string): object => ({
      statusCode,
      message,
      error,
    });
    const outOfCredit = { message: 'Out of credit.', balance: 0 };
    expect(answers.map(([id, status, text]) => [id, status, JSON.parse(text)])).toEqual([
      ['picky', 400, nestBody(400, 'Not here.', 'input_check_error')],
      ['shy', 400, nestBody(400, 'I cannot say that.', 'output_check_error')],
      ['clumsy', 500, nestBody(500, 'A guardrail failed, so the run was stopped.', 'guardrail_failed')],
      ['broken', 500, nestBody(500, 'The run failed.', 'run_failed')],
      ['poor', 402, outOfCredit],
      ['desk', 402, outOfCredit],
    ]);
    expect(answers.map(([, , text]) => text).join()).not.toContain(SECRET);
    expect(log.messages('error').filter((message) => message.includes(SECRET))).toHaveLength(2);
  });

  it('reject with an AgentRunError of their kind, which carries the output so far', async () => {
    const { agentOs } = await startApp({ agentOs: { agents, teams: [desk] } });

    const errors = await Promise.all(
      [...agents, desk].map(({ id }) =>
        agentOs.run(id, 'hello').then(raise, (error: AgentRunError) => error),
      ),
    );

    expect(errors.every((error) => error instanceof AgentRunError && error instanceof HttpException)).toBe(
      true,
    );
    expect(
      errors.map(({ name, code, runOutput: { component, status, content } }) => [
        component.id,
        name,
        code,
        status,
        content,
      ]),
    ).toEqual([
      ['picky', 'InputCheckError', 'input_check_error', 'ERROR', 'Not here.'],
      ['shy', 'OutputCheckError', 'output_check_error', 'ERROR', 'I cannot say that.'],
      [
        'clumsy',
        'GuardrailFailedError',
        'guardrail_failed',
        'ERROR',
        'A guardrail failed, so the run was stopped.',
      ],
      ['broken', 'RunFailedError', 'run_failed', 'ERROR', 'The run failed.'],
      ['poor', 'RunHttpError', 'http_exception', 'ERROR', 'Out of credit.'],
      ['desk', 'RunHttpError', 'http_exception', 'ERROR', 'Out of credit.'],
    ]);
    // For the developer, who catches it in code that no client sees.
    expect(errors[3]?.cause).toEqual(new Error(SECRET));
  });

  it('end a stream with an error event instead of an exception', async () => {
    const { agentOs } = await startApp({ agentOs: { agents } });
    const events: RunEvent[] = [];

    for await (const event of agentOs.stream('picky', 'hello')) events.push(event);

    expect(events.at(-1)).toMatchObject({
      type: 'run-error',
      content: 'Not here.',
      errorType: 'input_check_error',
      errorId: 'input_not_allowed',
    });
  });

  it.each([
    { kind: 'a constant', refusal: new InputCheckError('No.') },
    { kind: 'a frozen constant', refusal: Object.freeze(new InputCheckError('No.')) },
  ])('keep apart runs that all throw $kind at the same time', async ({ refusal }) => {
    const everybodyIsIn = createGate();
    let waiting = 0;
    const refuse = async (_context: PreHookContext): Promise<never> => {
      waiting += 1;
      if (waiting === 20) everybodyIsIn.open();
      await everybodyIsIn.opened;
      throw refusal;
    };
    const agent = new Agent({ id: 'agent', engine: () => 'never asked', preHooks: [refuse] });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });

    const numbers = Array.from({ length: 20 }, (_, number) => number);
    const errors = await Promise.all(
      numbers.map((number) =>
        agentOs
          .run('agent', 'hello', { metadata: { number } })
          .then(raise, (error: InputCheckError) => error),
      ),
    );

    expect(errors.map(({ runOutput }) => runOutput.metadata.number)).toEqual(numbers);
    expect(errors.every((error) => error instanceof InputCheckError && error.message === 'No.')).toBe(true);
  });
});
