import { once } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';

import { multipartOf, postBody, runJson, type RunBody } from '../support/http-client.js';
import { readUploads } from '../support/host-uploads.js';
import { readAnswer, sendRaw } from '../support/raw-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';

let inputs: string[];
beforeEach(() => {
  inputs = [];
});
afterEach(closeApps);

const echo = new Agent({
  id: 'echo',
  engine: ({ input }) => {
    inputs.push(input);
    return input;
  },
});

describe.each(ADAPTERS)('A multipart run request on %s is refused', (adapter) => {
  const start = (): Promise<TestApp> => startApp({ adapter, agentOs: { agents: [echo] } });
  const boundary = 'b0undary';
  const part = (name: string, value: string, more = ''): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const message = part('message', 'hi') + part('stream', 'false');

  async function refusalOf(
    body: string,
    type = `multipart/form-data; boundary=${boundary}`,
    more: Readonly<Record<string, string>> = {},
  ): Promise<[string, unknown]> {
    const { port } = await start();
    const headers = { 'content-type': type, ...more };
    const answer = await readAnswer(await sendRaw(port, '/agents/echo/runs', headers, body));
    expect(inputs).toEqual([]);
    return [answer.statusLine, JSON.parse(answer.body)];
  }
  const malformed = ['HTTP/1.1 400 Bad Request', { detail: 'The multipart body is malformed.' }];

  it('if it stops in the middle: 400', async () => {
    expect(await refusalOf(message)).toEqual(malformed);
  });

  it('if it is compressed: 415', async () => {
    const type = `multipart/form-data; boundary=${boundary}`;
    const [status, { detail }] = (await refusalOf(message, type, { 'content-encoding': 'gzip' })) as [
      string,
      { detail: string },
    ];
    expect(status).toBe('HTTP/1.1 415 Unsupported Media Type');
    expect(detail).toContain('without a Content-Encoding');
  });

  it('if it names no boundary: 400', async () => {
    expect(await refusalOf(`${message}--${boundary}--\r\n`, 'multipart/form-data')).toEqual(malformed);
  });

  it('if it is not multipart at all: 400', async () => {
    expect(await refusalOf('message=hi')).toEqual(malformed);
  });

  it('if it stops in the middle of a file: 400', async () => {
    const file = part('files', 'hello', '; filename="a.txt"');
    expect(await refusalOf(`${message}${file}`)).toEqual(malformed);
  });

  it('if a field that may come once comes twice: 422', async () => {
    const [status, body] = await refusalOf(`${message}${part('message', 'again')}--${boundary}--\r\n`);
    expect([status, body]).toEqual([
      'HTTP/1.1 422 Unprocessable Entity',
      { detail: [expect.objectContaining({ type: 'string_type', input: ['hi', 'again'] })] },
    ]);
  });

  it('if a field is larger than 1 MiB: 413', async () => {
    const large = part('message', 'x'.repeat(1024 * 1024 + 1));
    expect(await refusalOf(`${large}--${boundary}--\r\n`)).toEqual([
      'HTTP/1.1 413 Payload Too Large',
      { detail: 'The form field "message" is too large.' },
    ]);
  });

  it('if one of its parts names no field: 400', async () => {
    const nameless = `--${boundary}\r\nContent-Disposition: form-data\r\n\r\nx\r\n`;
    expect(await refusalOf(`${message}${nameless}--${boundary}--\r\n`)).toEqual(malformed);
    expect(await refusalOf(`${message}--${boundary}\r\n\r\nx\r\n--${boundary}--\r\n`)).toEqual(malformed);
  });

  it('if it has more than 100 fields: 413', async () => {
    const many = Array.from({ length: 101 }, (_none, index) => part(`field${index}`, '1')).join('');
    expect(await refusalOf(`${message}${many}--${boundary}--\r\n`)).toEqual([
      'HTTP/1.1 413 Payload Too Large',
      { detail: 'The form has too many fields.' },
    ]);
  });

  it('if it has more parts than fields and files can need: 413', async () => {
    const empty = part('files', '', '; filename=""\r\nContent-Type: application/octet-stream');
    expect(await refusalOf(`${message}${empty.repeat(210)}--${boundary}--\r\n`)).toEqual([
      'HTTP/1.1 413 Payload Too Large',
      { detail: 'The form has too many fields.' },
    ]);
  });

  it('without a response if its client leaves in the middle, and no run starts', async () => {
    const { port, url, log } = await start();
    const headers = {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': '100000',
    };
    const socket = await sendRaw(port, '/agents/echo/runs', headers, message);
    // The server has seen the request once it answers another one that came later.
    await runJson(url, '/agents/echo', 'later');
    socket.destroy();
    await once(socket, 'close');
    await runJson(url, '/agents/echo', 'last');
    expect(inputs).toEqual(['later', 'last']);
    expect(log.messages('error')).toEqual([]);
  });
});

describe.each(ADAPTERS)('A field that is too large on %s', (adapter) => {
  const large = 'x'.repeat(1024 * 1024 + 1);
  const tooLarge = (name: string): object => ({ detail: `The form field "${name}" is too large.` });
  const send = async (url: string, body: RunBody): Promise<[number, unknown]> => {
    const response = await postBody(url, '/agents/echo', body);
    return [response.status, await response.json()];
  };

  it('is refused in JSON and in urlencoded bodies as in multipart ones: 413', async () => {
    const { url } = await startApp({ adapter, agentOs: { agents: [echo] }, bodyLimit: 16_000_000 });
    const message = 'hi';
    for (const [name, fields] of [
      ['message', { message: large }],
      ['metadata', { message, metadata: { note: large } }],
      ['unknown', { message, unknown: Array(1024 * 1024).fill(1) }],
    ] as const) {
      expect(await send(url, JSON.stringify(fields))).toEqual([413, tooLarge(name)]);
    }
    expect(await send(url, new URLSearchParams({ message: large }))).toEqual([413, tooLarge('message')]);
    const deep = `{"message":"hi","metadata":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect((await send(url, deep))[0]).toBe(422);
    expect(inputs).toEqual([]);
    const most = { message: large.slice(1), stream: false };
    expect(await send(url, JSON.stringify(most))).toMatchObject([200, { content: most.message }]);
  });

  it('is refused if a parser of the host has read it: 413', async () => {
    const { url } = await startApp({
      adapter,
      agentOs: { agents: [echo] },
      beforeListen: (app) => readUploads(app, adapter, (texts) => ({ body: texts })),
    });
    // Together, since the parser of the host cuts fields of more than 1 MiB itself.
    const form = multipartOf({ message: 'hi' });
    for (let field = 0; field < 4; field++) form.set(`note${field}`, large.slice(1));
    expect(await send(url, form)).toEqual([413, tooLarge('note3')]);
  });
});

describe.each(ADAPTERS)('A multipart body on %s', (adapter) => {
  const send = async (
    path: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<[status: number, body: unknown]> => {
    const { url } = await startApp({ adapter, agentOs: { agents: [echo] } });
    const response = await fetch(`${url}/agents/echo/runs/r1/${path}`, {
      method: 'POST',
      body: multipartOf(fields),
    });
    return [response.status, await response.json()];
  };

  it('names the run to continue', async () => {
    expect(await send('continue', { session_id: 's1' })).toEqual([404, { detail: 'Run not found' }]);
  });

  it('names the event after which a run is resumed', async () => {
    expect(await send('resume', { last_event_index: 'x' })).toMatchObject([
      422,
      { detail: [{ loc: ['body', 'last_event_index'], input: 'x' }] },
    ]);
  });

  it('lets a run be cancelled', async () => {
    expect(await send('cancel', { session_id: 's1' })).toEqual([200, {}]);
  });

  it('counts as a missing body for a route of the protocol that takes JSON: 422', async () => {
    const { url } = await startApp({ adapter, agentOs: { agents: [echo] } });
    const rename = await fetch(`${url}/sessions/s1/rename`, {
      method: 'POST',
      body: multipartOf({ session_name: 'new' }),
    });
    expect(rename.status).toBe(422);
    expect(await rename.json()).toMatchObject({ detail: [{ type: 'missing', loc: ['body'] }] });
  });
});
