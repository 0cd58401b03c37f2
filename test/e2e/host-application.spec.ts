import {
  Body,
  Catch,
  Controller,
  Get,
  HttpException,
  Injectable,
  NotFoundException,
  Post,
  UploadedFile,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { FileInterceptor } from '@nestjs/platform-express';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, AgentOsService, defineGuardrail, InputCheckError, type PreHookContext } from 'nestjs-agentos';
import { map, type Observable } from 'rxjs';

import { describeParts, parseMultipart } from '../support/host-multipart.js';
import {
  multipartOf,
  namesOf,
  parseFrames,
  post,
  postBody,
  runJson,
  runSse,
} from '../support/http-client.js';
import { strictValidation } from '../support/strict-validation.js';
import { ADAPTERS, closeApps, startApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

afterEach(closeApps);

const rejectBad = defineGuardrail(function rejectBad({ runInput }: PreHookContext) {
  if (runInput.content === 'bad') throw new InputCheckError('not that');
});
const echo = new Agent({ id: 'echo', engine: ({ input }) => input, preHooks: [rejectBad] });

class Question {
  text!: string;
}

/** What the host does besides. */
@Controller('host')
class HostController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Get() greet(): { greeting: string } {
    return { greeting: 'hello' };
  }

  @Get('missing') missing(): never {
    throw new NotFoundException('nothing here');
  }

  @Post('ask') async ask(@Body() { text }: Question): Promise<{ answer: string }> {
    return { answer: (await this.agentOs.run('echo', text)).content };
  }
}

async function answerOf(url: string, init?: RequestInit): Promise<[status: number, body: unknown]> {
  const response = await fetch(url, init);
  return [response.status, await response.json()];
}

function postJson(body: unknown): RequestInit {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

describe.each(ADAPTERS)('In a host on %s', (adapter) => {
  const startHost = (options: TestAppOptions): Promise<TestApp> =>
    startApp({ adapter, agentOs: { agents: [echo] }, controllers: [HostController], ...options });
  const withSettings = (beforeListen: (app: INestApplication) => void): Promise<TestApp> =>
    startHost({ beforeListen });

  it('the routes of AgentOS stand under its global prefix', async () => {
    const { url } = await withSettings((app) => app.setGlobalPrefix('api'));
    expect(await runJson(`${url}/api`, '/agents/echo', 'hi')).toMatchObject({
      status: 200,
      body: { content: 'hi' },
    });
    expect((await post(url, '/agents/echo', { message: 'hi' })).status).toBe(404);
  });

  it('its validation pipe checks the routes of the host, and not those of the protocol', async () => {
    const { url } = await withSettings((app) => app.useGlobalPipes(strictValidation()));
    expect((await answerOf(`${url}/host/ask`, postJson({ text: 'hi' })))[0]).toBe(400);
    const run = { message: 'hi', stream: false };
    expect(await answerOf(`${url}/agents/echo/runs`, postJson(run))).toMatchObject([200, { content: 'hi' }]);
    expect(await runJson(url, '/agents/echo', 'hi')).toMatchObject({ status: 200, body: { content: 'hi' } });
    expect(await answerOf(`${url}/hooks/executions`)).toMatchObject([200, { meta: { limit: 100 } }]);
    expect(await answerOf(`${url}/hooks/executions?limit=7`)).toMatchObject([200, { meta: { limit: 7 } }]);
  });

  it('its exception filter answers its own routes, and not those of the protocol', async () => {
    @Catch()
    class HostFilter implements ExceptionFilter {
      constructor(private readonly adapterHost: HttpAdapterHost) {}

      catch(thrown: unknown, host: ArgumentsHost): void {
        const status = thrown instanceof HttpException ? thrown.getStatus() : 500;
        const response = host.switchToHttp().getResponse<object>();
        this.adapterHost.httpAdapter.reply(response, { problem: status }, status);
      }
    }
    const { url } = await withSettings((app) =>
      app.useGlobalFilters(new HostFilter(app.get(HttpAdapterHost))),
    );
    expect(await answerOf(`${url}/host/missing`)).toEqual([404, { problem: 404 }]);
    expect(await answerOf(`${url}/nowhere`)).toEqual([404, { problem: 404 }]);
    expect(await answerOf(`${url}/host/ask`, postJson({ text: 'bad' }))).toEqual([400, { problem: 400 }]);
    expect(await runJson(url, '/agents/nobody', 'hi')).toEqual({
      status: 404,
      body: { detail: 'Agent not found' },
    });
    expect(await runJson(url, '/agents/echo', 'bad')).toMatchObject({
      status: 400,
      body: { detail: 'not that' },
    });
    expect(await runJson(url, '/agents/echo', '')).toMatchObject({
      status: 422,
      body: { detail: [{ type: 'missing' }] },
    });
    // No controller sees a body that cannot be parsed.
    expect(await answerOf(`${url}/agents/echo/runs`, postJson('{'))).toEqual([400, { problem: 400 }]);
  });

  it('its interceptor rewrites its own answers, and not those of runs', async () => {
    class Envelope implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
        return next.handle().pipe(map((data: unknown) => ({ data })));
      }
    }
    const { url } = await withSettings((app) => app.useGlobalInterceptors(new Envelope()));
    expect(await answerOf(`${url}/host`)).toEqual([200, { data: { greeting: 'hello' } }]);
    expect(await answerOf(`${url}/host/ask`, postJson({ text: 'hi' }))).toEqual([
      201,
      { data: { answer: 'hi' } },
    ]);
    expect(await runJson(url, '/agents/echo', 'hi')).toMatchObject({ status: 200, body: { content: 'hi' } });
    expect(namesOf(await runSse(url, '/agents/echo', 'hi')).at(-1)).toBe('RunCompleted');
    expect(await answerOf(`${url}/health`)).toEqual([
      200,
      { status: 'ok', instantiated_at: expect.any(String) },
    ]);
    expect(await answerOf(`${url}/agents`)).toMatchObject([200, [{ id: 'echo' }]]);
    expect(await answerOf(`${url}/teams`)).toEqual([200, []]);
    expect(await answerOf(`${url}/workflows`)).toEqual([200, []]);
    expect(await answerOf(`${url}/hooks`)).toMatchObject([200, [{ hook: 'rejectBad' }]]);
    expect(await answerOf(`${url}/hooks/executions`)).toMatchObject([200, { data: [{}, {}, {}] }]);
  });

  it('its guard protects the routes of the protocol, too', async () => {
    @Injectable()
    class NobodyPasses implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    const { url } = await withSettings((app) => app.useGlobalGuards(new NobodyPasses()));
    expect((await answerOf(`${url}/host`))[0]).toBe(403);
    expect(await runJson(url, '/agents/echo', 'hi')).toEqual({
      status: 403,
      body: { detail: 'Forbidden resource' },
    });
  });

  it('its cross-origin settings cover preflight, answers, streams and refusals', async () => {
    const origin = 'http://localhost:3000';
    const { url } = await startHost({
      agentOs: { agents: [echo], http: { securityKey: 'key' } },
      beforeListen: (app) => app.enableCors({ origin }),
    });
    const preflight = await fetch(`${url}/agents/echo/runs`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    const run = (stream: string, headers: Record<string, string>): Promise<Response> =>
      fetch(`${url}/agents/echo/runs`, {
        method: 'POST',
        headers: { origin, ...headers },
        body: new URLSearchParams({ message: 'hi', stream }),
      });
    const answers = [
      preflight,
      await run('false', { authorization: 'key' }),
      await run('true', { authorization: 'key' }),
      await run('false', {}),
    ];
    expect(
      answers.map(({ status, headers }) => [status, headers.get('access-control-allow-origin')]),
    ).toEqual([204, 200, 200, 401].map((status) => [status, origin]));
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization,content-type');
    await Promise.all(answers.map((answer) => answer.text()));
  });

  it('a body that the host has parsed is used unchanged', async () => {
    const { url } = await withSettings((app) => parseMultipart(app, adapter));
    const form = multipartOf({ message: 'hi', stream: 'true', session_id: '' });
    const response = await fetch(`${url}/agents/echo/runs`, { method: 'POST', body: form });
    expect(parseFrames(await response.text()).at(-1)?.data).toMatchObject({
      event: 'RunCompleted',
      content: 'hi',
    });
  });

  it('a body whose parts the host has described is read, too', async () => {
    const { url } = await withSettings((app) => parseMultipart(app, adapter, describeParts));
    const ask = async (form: FormData): Promise<[number, unknown]> => {
      const response = await postBody(url, '/agents/echo', form);
      return [response.status, await response.json()];
    };
    const form = multipartOf({ message: 'hi', stream: 'false' });
    expect(await ask(form)).toMatchObject([200, { content: 'hi' }]);
    form.append('message', 'again');
    expect(await ask(form)).toMatchObject([
      422,
      { detail: [{ type: 'string_type', input: ['hi', 'again'] }] },
    ]);
    form.set('files', new Blob(['hello']), 'notes.txt');
    expect(await ask(form)).toEqual([400, { detail: 'Unsupported file type' }]);
  });
});

describe('A file that is uploaded to the host', () => {
  interface Upload {
    readonly originalname: string;
    readonly size: number;
  }

  it('arrives on Express, and so does a form that is sent to an agent', async () => {
    @Controller()
    class UploadController {
      @Post('uploads')
      @UseInterceptors(FileInterceptor('file'))
      upload(@UploadedFile() { originalname, size }: Upload, @Body('title') title: string): unknown {
        return { title, originalname, size };
      }
    }
    const { url } = await startApp({ agentOs: { agents: [echo] }, controllers: [UploadController] });
    await expectUploadAndRun(url);
  });

  it('arrives on Fastify, and so does a form that is sent to an agent', async () => {
    @Controller()
    class UploadController {
      @Post('uploads')
      upload(@Body() { title, file }: { title: string; file: Upload }): unknown {
        return { title, ...file };
      }
    }
    const { url } = await startApp({
      adapter: 'fastify',
      agentOs: { agents: [echo] },
      controllers: [UploadController],
      beforeListen: (app) => parseMultipart(app, 'fastify'),
    });
    await expectUploadAndRun(url);
  });

  it('is refused by Fastify as without AgentOS, if the host reads no files', async () => {
    const refusalOf = async (options: TestAppOptions): Promise<unknown> => {
      const { url } = await startApp({ ...options, adapter: 'fastify', controllers: [HostController] });
      return answerOf(`${url}/host/ask`, { method: 'POST', body: multipartOf({ text: 'hi' }) });
    };
    const without = await refusalOf({ agentOs: { http: false } });
    expect(without).toMatchObject([415, { message: 'Unsupported Media Type' }]);
    expect(await refusalOf({ agentOs: { http: { prefix: 'os' } } })).toEqual(without);
  });

  async function expectUploadAndRun(url: string): Promise<void> {
    const upload = multipartOf({ title: 'my notes' });
    upload.set('file', new Blob(['hello']), 'notes.txt');
    expect(await answerOf(`${url}/uploads`, { method: 'POST', body: upload })).toEqual([
      201,
      { title: 'my notes', originalname: 'notes.txt', size: 5 },
    ]);
    const run = multipartOf({ message: 'hi', stream: 'false' });
    expect(await answerOf(`${url}/agents/echo/runs`, { method: 'POST', body: run })).toMatchObject([
      200,
      { content: 'hi' },
    ]);
    expect((await post(url, '/agents/echo', { message: 'hi', stream: 'false' })).status).toBe(200);
  }
});
