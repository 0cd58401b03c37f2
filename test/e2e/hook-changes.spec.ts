import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { MOST_CHANGES } from '../../src/http/change.stream.js';
import { ChangesResponder } from '../../src/http/changes.responder.js';
import { inBackground } from '../support/background-hook.js';
import { parseFrames, runJson } from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';
import { as, userId } from '../support/users.js';

afterEach(closeApps);

interface Changes {
  readonly runs: readonly Record<string, unknown>[];
  readonly executions: readonly Record<string, unknown>[];
  readonly omitted: number;
}

/** Reads the stream of changes as a client does. */
class ChangesClient {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';

  private constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /** Resolves once the server has said that all changes from now on will follow. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<ChangesClient> {
    const { body, status } = await fetch(`${url}/hooks/changes`, { headers });
    if (!body) throw new Error(`The stream was not opened: ${status}`);
    const client = new ChangesClient(body);
    expect(await client.next()).toEqual({ runs: [], executions: [], omitted: 0 });
    return client;
  }

  /** The next event; undefined at the end of the stream. */
  async next(): Promise<Changes | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const [frame] = parseFrames(this.#text.slice(0, end + 2));
        this.#text = this.#text.slice(end + 2);
        if (frame) return frame.data as unknown as Changes;
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** The events until one satisfies the condition, that one included. */
  async until(isLast: (changes: Changes) => boolean): Promise<Changes[]> {
    const events: Changes[] = [];
    for (;;) {
      const changes = await this.next();
      if (!changes) throw new Error(`The stream ended before: ${JSON.stringify(events)}`);
      events.push(changes);
      if (isLast(changes)) return events;
    }
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

const succeeded = ({ executions }: Changes): boolean => executions.some(({ state }) => state === 'succeeded');

describe.each(ADAPTERS)('The stream of changes on %s', (adapter) => {
  it('shows a run and its background hook from their start to their end', async () => {
    const [engine, hook] = [createGate(), createGate()];
    const agent = new Agent({
      id: 'support',
      engine: () => engine.opened.then(() => 'SECRET'),
      postHooks: [inBackground('notify', () => hook.opened)],
    });
    const app = await startApp({ adapter, agentOs: { agents: [agent] } });
    const client = await ChangesClient.open(app.url);

    const answer = runJson(app.url, '/agents/support', 'SECRET');
    const [started] = (await client.until(({ runs }) => runs.length > 0)).slice(-1);
    expect(started?.runs).toMatchObject([{ component: { id: 'support' }, state: 'running' }]);

    engine.open();
    const { body } = await answer;
    const events = await client.until(({ executions }) =>
      executions.some(({ state }) => state === 'running'),
    );
    hook.open();
    events.push(...(await client.until(succeeded)));

    const last = <T>(items: readonly T[]): T | undefined => items.at(-1);
    expect(last(events.flatMap(({ runs }) => runs))).toMatchObject({
      run_id: body['run_id'],
      state: 'settled',
      outcome: 'completed',
      delivered: true,
    });
    expect(last(events.flatMap(({ executions }) => executions))).toMatchObject({
      hook: 'notify',
      run_id: body['run_id'],
      state: 'succeeded',
    });
    expect(JSON.stringify(events)).not.toContain('SECRET');
    await client.leave();
  });

  it('ends when the application shuts down', async () => {
    const app = await startApp({
      adapter,
      agentOs: { agents: [new Agent({ id: 'a', engine: () => 'fine' })] },
    });
    const client = await ChangesClient.open(app.url);
    const closing = app.close();
    expect(await client.next()).toBeUndefined();
    await closing;
  });
});

describe('The stream of changes', () => {
  it('shows a user only the runs and hooks of that user', async () => {
    const agent = new Agent({
      id: 'support',
      engine: () => 'fine',
      postHooks: [inBackground('notify', () => undefined)],
    });
    const app = await startApp({ agentOs: { agents: [agent], http: { userId } } });
    const client = await ChangesClient.open(app.url, as('ann'));
    await runJson(app.url, '/agents/support', 'hi', {}, as('bob'));
    const { body } = await runJson(app.url, '/agents/support', 'hi', {}, as('ann'));
    const events = await client.until(succeeded);
    const ids = events
      .flatMap(({ runs, executions }) => [...runs, ...executions])
      .map(({ run_id }) => run_id);
    expect(new Set(ids)).toEqual(new Set([body['run_id']]));
    await client.leave();
  });

  it('counts changes that do not fit into one event', async () => {
    const agent = new Agent({ id: 'support', engine: () => 'fine' });
    const app = await startApp({ agentOs: { agents: [agent] } });
    const client = await ChangesClient.open(app.url);
    await Promise.all(Array.from({ length: MOST_CHANGES + 20 }, () => app.agentOs.run('support', 'hi')));
    const changes = await client.next();
    expect(changes?.runs).toHaveLength(MOST_CHANGES);
    expect(changes?.omitted).toBeGreaterThanOrEqual(20);
    await client.leave();
  });

  it('ends at once if it is opened while the application shuts down', async () => {
    const app = await startApp({ agentOs: {} });
    app.app.get(ChangesResponder).beforeApplicationShutdown();
    const client = await ChangesClient.open(app.url);
    expect(await client.next()).toBeUndefined();
  });

  it('is behind the guards of the routes', async () => {
    const app = await startApp({ agentOs: { http: { securityKey: 'key' } } });
    expect((await fetch(`${app.url}/hooks/changes`)).status).toBe(401);
  });
});
