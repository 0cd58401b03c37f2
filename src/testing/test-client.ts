import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { INestApplication } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';

import type { AgentOsExtras } from '../agent-os.options.js';
import { AgentOsRuntime } from '../agent-os.runtime.js';
import { EXTRAS } from '../agent-os.tokens.js';
import { Exchanges, type Exchange } from './exchange.js';
import { providerOf } from './provider.of.js';
import { encodeForm, type EncodedBody, type TestFile } from './encoded.form.js';
import { RunStream } from './run.stream.js';
import { ServerConnections } from './server.connections.js';

/** The options of a run besides the question. */
export interface TestRunOptions {
  readonly sessionId?: string;
  readonly userId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly files?: readonly TestFile[];
  /** Any other field of the form: `{ metadata: '{"a":1}' }`. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** A request to any route. */
export interface TestCall {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as a form, urlencoded. */
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The response of any route. */
export interface TestReply<B = unknown> {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed if it is JSON, else the text; undefined if there is none. */
  readonly body: B;
}

/** The body of a run's answer, with the protocol's field names; `detail` is the reason if the run did not complete. */
export interface RunAnswerBody {
  readonly run_id?: string;
  readonly session_id?: string;
  readonly user_id?: string;
  /** A text, or data if structured output was asked for. */
  readonly content?: unknown;
  readonly status?: string;
  readonly detail?: unknown;
  readonly error_type?: string;
  readonly [field: string]: unknown;
}

/** Identifies a run; a {@link RunAnswer} is one. */
export interface RunReference {
  /** The id of its component. */
  readonly component: string;
  readonly runId: string;
  readonly sessionId: string;
}

/** The answer to a run. */
export interface RunAnswer extends TestReply<RunAnswerBody>, RunReference {
  /** The answer as a text; empty if there is none. */
  readonly content: string;
}

/** A run without an answer yet: await it, or {@link leave} like a client that disconnects before the answer. */
export interface PendingRun extends Promise<RunAnswer> {
  /**
   * Cuts the connection off; resolves when the server has noticed. The promise rejects with a `ClientLeftError`, which
   * need not be handled.
   */
  leave(): Promise<void>;
}

/** The options of {@link createTestClient}. */
export interface TestClientOptions {
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Creates a client for the AgentOS routes of any application that listens. {@link TestClient.close} cuts off the
 * requests and streams that it has left open.
 *
 * @example
 * ```ts
 * await app.listen(0);
 * const client = createTestClient(app);
 * const { status, content } = await client.run('support', 'Where is my parcel?');
 * ```
 * @throws Error if the application does not listen, or has no AgentOS routes
 */
export function createTestClient(
  app: INestApplication,
  { headers = {} }: TestClientOptions = {},
): TestClient {
  const server = app.getHttpServer() as Server;
  const address = server.address() as AddressInfo | null;
  if (!address)
    throw new Error('createTestClient(): the application does not listen. Call app.listen(0) first.');
  const exchanges = new Exchanges(address.port, new ServerConnections(server));
  return new TestClient({
    url: `http://127.0.0.1:${address.port}`,
    prefix: prefixOf(app),
    runtime: providerOf(app, AgentOsRuntime, 'createTestClient()'),
    exchanges,
    headers,
  });
}

interface TestClientParts {
  readonly url: string;
  readonly prefix: string;
  readonly runtime: AgentOsRuntime;
  readonly exchanges: Exchanges;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * A client for the AgentOS routes on real sockets; each request has its own connection. No `status` of an answer throws
 * an error. Created by {@link createTestAgentOs} and {@link createTestClient}.
 */
export class TestClient {
  /** Such as `http://127.0.0.1:49152`. */
  readonly url: string;
  /** The routes of sessions. */
  readonly sessions: TestSessions;
  readonly #parts: TestClientParts;

  /** @internal */
  constructor(parts: TestClientParts) {
    this.#parts = parts;
    this.url = parts.url;
    this.sessions = new TestSessions(this);
  }

  /**
   * A client like this one that sends these headers with every request.
   *
   * @example `const ann = client.withHeaders({ authorization: 'Bearer ann' });`
   */
  withHeaders(headers: Readonly<Record<string, string>>): TestClient {
    return new TestClient({ ...this.#parts, headers: { ...this.#parts.headers, ...headers } });
  }

  /**
   * Runs a component and reads the whole answer.
   *
   * @example `const { status, content, runId } = await client.run('support', 'Where is my parcel?');`
   * @throws Error if no component with this id is served
   */
  run(component: string, input: string, options: TestRunOptions = {}): PendingRun {
    return this.#ask(component, this.#startRun(component, input, { stream: 'false' }, options));
  }

  /**
   * Runs a component and yields its events. The request is sent at once, the events are read one by one.
   *
   * @example
   * ```ts
   * for await (const { event, content } of client.stream('support', 'Where is my parcel?')) console.log(event, content);
   * ```
   * @throws Error if no component with this id is served
   */
  stream(component: string, input: string, options: TestRunOptions = {}): RunStream {
    return new RunStream(this.#startRun(component, input, { stream: 'true' }, options));
  }

  /** Starts a run that continues in the server. The answer identifies it for {@link get} and {@link resume}. */
  background(component: string, input: string, options: TestRunOptions = {}): PendingRun {
    const fields = { stream: 'false', background: 'true' };
    return this.#ask(component, this.#startRun(component, input, fields, options));
  }

  /** Requests the state of a run. */
  async get({ component, runId, sessionId }: RunReference): Promise<RunAnswer> {
    const query = new URLSearchParams({ session_id: sessionId });
    const path = `${this.#runsOf(component)}/${encodeURIComponent(runId)}?${query.toString()}`;
    return toRunAnswer(component, (await this.request('GET', path)) as TestReply<RunAnswerBody>);
  }

  /** Cancels a run. */
  cancel({ component, runId, sessionId }: RunReference): Promise<TestReply> {
    const query = new URLSearchParams({ session_id: sessionId });
    const path = `${this.#runsOf(component)}/${encodeURIComponent(runId)}/cancel?${query.toString()}`;
    return this.request('POST', path);
  }

  /**
   * Reads the events of a run that was started with {@link background}.
   *
   * @param after - index of the last known event. Default: none, so that all events are sent
   */
  resume({ component, runId, sessionId }: RunReference, after?: number): RunStream {
    const path = `${this.#runsOf(component)}/${encodeURIComponent(runId)}/resume`;
    const fields = { session_id: sessionId, ...(after !== undefined && { last_event_index: String(after) }) };
    return new RunStream(this.#open('POST', path, encodeForm(fields)));
  }

  /** Any other route of AgentOS: `await client.request('GET', '/hooks')`. The module's prefix is put before the path. */
  request(method: string, path: string, { body, form, headers }: TestCall = {}): Promise<TestReply> {
    return readReply(this.#open(method, path, encodeBody(body, form), headers));
  }

  /** Cuts off the requests that are not answered and the streams that were not read to their end. */
  close(): Promise<void> {
    return this.#parts.exchanges.close();
  }

  #startRun(
    component: string,
    input: string,
    fields: Readonly<Record<string, string>>,
    options: TestRunOptions,
  ): Exchange {
    const { sessionId, userId, files, fields: others = {}, headers } = options;
    const form = {
      message: input,
      ...fields,
      ...(sessionId === undefined ? {} : { session_id: sessionId }),
      ...(userId === undefined ? {} : { user_id: userId }),
      ...others,
    };
    return this.#open('POST', this.#runsOf(component), encodeForm(form, files), headers);
  }

  #ask(component: string, exchange: Exchange): PendingRun {
    const answer = readReply(exchange).then((reply) =>
      toRunAnswer(component, reply as TestReply<RunAnswerBody>),
    );
    answer.catch(() => undefined);
    return Object.assign(answer, { leave: () => exchange.leave() });
  }

  #open(
    method: string,
    path: string,
    encoded: EncodedBody | undefined,
    headers: Readonly<Record<string, string>> = {},
  ): Exchange {
    const { exchanges, prefix, headers: ofEach } = this.#parts;
    return exchanges.open({
      method,
      path: `${prefix}${path.startsWith('/') ? path : `/${path}`}`,
      headers: { ...(encoded ? { 'content-type': encoded.type } : {}), ...ofEach, ...headers },
      body: encoded?.body,
    });
  }

  #runsOf(id: string): string {
    const { components } = this.#parts.runtime;
    const component = components.get(id);
    if (component) return `/${component.kind}s/${encodeURIComponent(id)}/runs`;
    const ids = components.all().map((served) => `"${served.id}"`);
    throw new Error(`No component "${id}" is served. Served: ${[...new Set(ids)].join(', ') || 'none'}.`);
  }
}

/** The routes of sessions, as {@link TestClient.sessions}. */
export class TestSessions {
  readonly #client: TestClient;

  /** @internal */
  constructor(client: TestClient) {
    this.#client = client;
  }

  /** `GET /sessions`, narrowed by query parameters of the protocol: `{ user_id: 'ann', limit: '5' }`. */
  list(query: Readonly<Record<string, string>> = {}): Promise<TestReply> {
    const parameters = new URLSearchParams(query).toString();
    return this.#client.request('GET', `/sessions${parameters === '' ? '' : `?${parameters}`}`);
  }

  /** `GET /sessions/:id`. */
  get(id: string): Promise<TestReply> {
    return this.#client.request('GET', `/sessions/${encodeURIComponent(id)}`);
  }

  /** `GET /sessions/:id/runs`. */
  runs(id: string): Promise<TestReply> {
    return this.#client.request('GET', `/sessions/${encodeURIComponent(id)}/runs`);
  }

  /** `DELETE /sessions/:id`. */
  delete(id: string): Promise<TestReply> {
    return this.#client.request('DELETE', `/sessions/${encodeURIComponent(id)}`);
  }
}

function encodeBody(
  body: unknown,
  form: Readonly<Record<string, string>> | undefined,
): EncodedBody | undefined {
  if (form) return encodeForm(form);
  return body === undefined
    ? undefined
    : { type: 'application/json', body: Buffer.from(JSON.stringify(body)) };
}

async function readReply(exchange: Exchange): Promise<TestReply> {
  const { statusCode = 0, headers } = await exchange.answered;
  let text = '';
  for await (const piece of exchange.pieces()) text += piece;
  const isJson = headers['content-type']?.includes('json') ?? false;
  return { status: statusCode, headers, body: text === '' ? undefined : isJson ? JSON.parse(text) : text };
}

function toRunAnswer(component: string, { status, headers, body }: TestReply<RunAnswerBody>): RunAnswer {
  const { run_id: runId = '', session_id: sessionId = '', content } = body;
  const text = typeof content === 'string' ? content : content === undefined ? '' : JSON.stringify(content);
  return { status, headers, body, component, runId, sessionId, content: text };
}

/** The prefix that the application and the module add to every path. */
function prefixOf(app: INestApplication): string {
  const { http } = providerOf<AgentOsExtras>(app, EXTRAS, 'createTestClient()');
  if (http === false) {
    throw new Error(
      'createTestClient(): AgentOsModule has no routes (http: false). Use app.get(AgentOsService).',
    );
  }
  const parts = [app.get(ApplicationConfig).getGlobalPrefix(), http?.prefix ?? ''];
  return parts
    .map((part) => part.replace(/^\/+|\/+$/g, ''))
    .filter((part) => part !== '')
    .map((part) => `/${part}`)
    .join('');
}
