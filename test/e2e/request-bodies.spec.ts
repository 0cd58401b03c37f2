import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type ClientHttp2Session } from 'node:http2';
import { buffer, text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Agent } from 'nestjs-agentos';
import type { EngineRequest } from 'nestjs-agentos/engine';

import { multipartOf, parseFrames, postBody } from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp, type Adapter, type TestApp } from '../support/test-app.js';
import { uploadOf } from '../support/upload-form.js';

let requests: EngineRequest[];
beforeEach(() => {
  requests = [];
});
afterEach(closeApps);

const echo = new Agent({
  id: 'echo',
  engine: (request) => {
    requests.push(request);
    return request.input;
  },
});

const JSON_TYPE = { 'content-type': 'application/json' };

/** Has the host take JSON that is no object or array. */
function takeAnyJson(adapter: Adapter): (app: INestApplication) => void {
  return (app) => {
    if (adapter === 'express') (app as NestExpressApplication).useBodyParser('json', { strict: false });
  };
}

describe.each(ADAPTERS)('A JSON body that is not an object on %s', (adapter) => {
  const ROUTES = [
    ['POST', '/agents/echo/runs'],
    ['POST', '/agents/echo/runs/r1/resume'],
    ['POST', '/agents/echo/runs/r1/continue'],
    ['POST', '/sessions'],
    ['PATCH', '/sessions/s1'],
    ['POST', '/sessions/s1/rename'],
    ['DELETE', '/sessions'],
    ['PATCH', '/eval-runs/e1'],
    ['DELETE', '/eval-runs'],
  ] as const;

  it('is refused by every route that takes a body: 422', async () => {
    const { url } = await startApp({
      adapter,
      agentOs: { agents: [echo] },
      beforeListen: takeAnyJson(adapter),
    });
    for (const [method, path] of ROUTES) {
      for (const input of [[], [{ message: 'hi' }], 'x', 5, true, null]) {
        const body = JSON.stringify(input);
        const response = await fetch(url + path, { method, body, headers: JSON_TYPE });
        const problem = {
          type: 'model_attributes_type',
          loc: ['body'],
          msg: 'Input should be a JSON object',
          input,
        };
        expect([path, body, response.status, await response.json()]).toEqual([
          path,
          body,
          422,
          { detail: [problem] },
        ]);
      }
    }
    expect(requests).toEqual([]);
    expect(await (await fetch(`${url}/sessions`)).json()).toMatchObject({ data: [] });
  });

  it('is refused if it is missing where a route needs one: 422', async () => {
    const { url } = await startApp({ adapter, agentOs: { agents: [echo] } });
    for (const [method, path] of ROUTES.filter(
      ([, path]) => !path.endsWith('runs') && !path.includes('/runs/'),
    )) {
      if (path === '/sessions' && method === 'POST') continue;
      for (const headers of [{}, JSON_TYPE]) {
        const response = await fetch(url + path, { method, headers });
        const problem = { type: 'missing', loc: ['body'], msg: 'Field required', input: null };
        expect([method, path, response.status, await response.json()]).toEqual([
          method,
          path,
          422,
          { detail: [problem] },
        ]);
      }
    }
    expect((await fetch(`${url}/sessions`, { method: 'POST', headers: JSON_TYPE })).status).toBe(201);
  });
});

type Style = 'as bytes' | 'as text' | 'as rawBody';

/** Has the host read every body and parse none. */
function readRaw(adapter: Adapter, style: Style): (app: INestApplication) => void {
  return (app) => {
    if (adapter === 'fastify') {
      const parse = (
        request: { rawBody?: Buffer },
        body: Buffer,
        done: (error: null, body?: unknown) => void,
      ): void => {
        if (style === 'as rawBody') request.rawBody = body;
        done(null, style === 'as bytes' ? body : style === 'as text' ? body.toString() : undefined);
      };
      for (const type of ['application/json', 'application/x-www-form-urlencoded', '*'])
        (app as NestFastifyApplication).useBodyParser(type, {}, parse as never);
      return;
    }
    if (style === 'as bytes') (app as NestExpressApplication).useBodyParser('raw', { type: '*/*' });
    if (style === 'as text') (app as NestExpressApplication).useBodyParser('text', { type: '*/*' });
    if (style === 'as rawBody') {
      app.use(async (request: IncomingMessage, _response: unknown, next: () => void) => {
        Object.assign(request, { rawBody: await buffer(request), body: {} });
        next();
      });
    }
  };
}

describe.each(ADAPTERS)('Bodies that the host has already parsed, on %s,', (adapter) => {
  it.each<Style>(['as bytes', 'as text', 'as rawBody'])('are read by the routes %s', async (style) => {
    const { url } = await startApp({
      adapter,
      agentOs: { agents: [echo] },
      beforeListen: readRaw(adapter, style),
    });
    const file = { name: 'prices.csv', type: 'text/csv', content: 'Ann,5' };
    const bodies = [
      uploadOf([file], { message: 'multipart' }),
      multipartOf({ message: 'multipart', stream: 'false' }),
      new URLSearchParams({ message: 'urlencoded', stream: 'false' }),
      JSON.stringify({ message: 'JSON', stream: false }),
    ];
    const answers = [];
    for (const body of bodies) answers.push(await (await postBody(url, '/agents/echo', body)).json());
    expect(answers).toMatchObject(
      ['multipart', 'multipart', 'urlencoded', 'JSON'].map((content) => ({ content })),
    );
    expect(requests[0]?.files).toMatchObject([
      { name: 'prices.csv', mediaType: 'text/csv', content: Buffer.from('Ann,5').toString('base64') },
    ]);
    const create = (body: string): Promise<Response> =>
      fetch(`${url}/sessions`, { method: 'POST', body, headers: JSON_TYPE });
    expect(await (await create('{"session_name":"Raw"}')).json()).toMatchObject({ session_name: 'Raw' });
    expect((await create('[]')).status).toBe(422);
    expect((await create('{"session_name":')).status).toBe(422);
    expect((await fetch(`${url}/sessions`, { method: 'POST' })).status).toBe(201);
    const twice = new URLSearchParams({ message: 'hi', stream: 'false' });
    twice.append('message', 'again');
    expect((await postBody(url, '/agents/echo', twice)).status).toBe(422);
  });
});

/** Sends a body in chunks, so that no header tells its length. */
async function sendChunked(
  url: string,
  path: string,
  body: string,
): Promise<{ status: number; body: unknown }> {
  const request = httpRequest(url + path, { method: 'POST', headers: JSON_TYPE });
  request.flushHeaders();
  if (body !== '') request.write(body);
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: JSON.parse(await text(response)) };
}

describe.each(ADAPTERS)('Chunked bodies on %s', (adapter) => {
  it('are read, whatever their headers say', async () => {
    const { url } = await startApp({ adapter, agentOs: { agents: [echo] } });
    expect(await sendChunked(url, '/sessions', '{"session_id":"s1","session_name":"One"}')).toMatchObject({
      status: 201,
      body: { session_id: 's1', session_name: 'One' },
    });
    expect(await sendChunked(url, '/agents/echo/runs', '{"message":"hi","stream":false}')).toMatchObject({
      status: 200,
      body: { content: 'hi' },
    });
  });

  it('count as missing if they are empty', async () => {
    const { url } = await startApp({ adapter, agentOs: { agents: [echo] } });
    expect(await sendChunked(url, '/sessions', '')).toMatchObject({ status: 201 });
    expect(await sendChunked(url, '/agents/echo/runs', '')).toMatchObject({ status: 422 });
  });
});

describe('Over HTTP/2 on Fastify', () => {
  let session: ClientHttp2Session;
  afterEach(() => session.close());

  async function start(): Promise<TestApp> {
    const app = await startApp({
      adapter: 'fastify',
      agentOs: { agents: [echo] },
      fastify: { http2: true } as never,
    });
    session = connect(app.url);
    return app;
  }

  async function send(
    method: string,
    path: string,
    body?: Buffer | string,
    type = 'application/json',
  ): Promise<{ status: number; body: string }> {
    const stream = session.request({ ':method': method, ':path': path, 'content-type': type });
    const answered = new Promise<number>((resolve) =>
      stream.once('response', (headers) => resolve(Number(headers[':status']))),
    );
    stream.end(body);
    return { body: await text(stream), status: await answered };
  }

  it('bodies are read although no header gives their length', async () => {
    await start();
    const named = await send('POST', '/sessions', '{"session_id":"s1","session_name":"One"}');
    expect([named.status, JSON.parse(named.body)]).toMatchObject([
      201,
      { session_id: 's1', session_name: 'One' },
    ]);
    const changed = await send('PATCH', '/sessions/s1', '{"session_name":"Two"}');
    expect(JSON.parse(changed.body)).toMatchObject({ session_name: 'Two' });
    expect((await send('POST', '/sessions')).status).toBe(201);
    expect((await send('DELETE', '/sessions/s1')).status).toBe(204);
  });

  it('runs answer with JSON and with streams, to JSON and multipart bodies', async () => {
    await start();
    const answer = await send('POST', '/agents/echo/runs', '{"message":"hi","stream":false}');
    expect(JSON.parse(answer.body)).toMatchObject({ content: 'hi' });
    const form = new Response(uploadOf([{ name: 'a.txt' }], { stream: 'true' }));
    const bytes = Buffer.from(await form.arrayBuffer());
    const stream = await send('POST', '/agents/echo/runs', bytes, form.headers.get('content-type') ?? '');
    expect(parseFrames(stream.body).at(-1)?.data).toMatchObject({ event: 'RunCompleted', content: 'hi' });
    expect(requests[1]?.files).toMatchObject([{ name: 'a.txt' }]);
  });
});
