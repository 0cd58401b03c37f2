import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, InMemorySessionStore, Team, type RunOutput } from 'nestjs-agentos';

import { AgentOsRuntime } from '../../src/agent-os.runtime.js';
import { inBackground } from '../support/background-hook.js';
import { post } from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';
import { recordUnhandledRejections } from '../support/unhandled-rejections.js';
import { openExecutions } from '../support/hook-executions.js';

/** Hundreds of connections take their time, on a machine that is busy even more. */
const SLOW = 120_000;

afterEach(closeApps, SLOW);

/** The soak test has thousands. */
const STREAMS = 200;
/** One in ten leaves, each after another number of pieces. */
const leavesAfter = (index: number): number | undefined => (index % 10 === 0 ? (index / 10) % 6 : undefined);

describe.each(ADAPTERS)('Two hundred streams at once, a tenth of them cut off, on %s', (adapter) => {
  it.each(['finish', 'cancel'] as const)(
    'end as onDisconnect: %s says, each with its hooks once, and leave no memory behind',
    async (onDisconnect) => {
      const unhandled = recordUnhandledRejections();
      const ended = new Map<string, RunOutput['status'][]>();
      const talker = new Agent({
        id: 'talker',
        engine: async function* ({ signal }) {
          for (let piece = 0; piece < 6 && !signal.aborted; piece++) {
            yield `piece ${piece} ${'x'.repeat(200)}`;
            await new Promise<void>((resolve) => setImmediate(resolve));
          }
        },
      });
      const audit = inBackground(
        'audit',
        ({ runOutput }) => {
          ended.set(runOutput.runId, [...(ended.get(runOutput.runId) ?? []), runOutput.status]);
        },
        { on: ['completed', 'cancelled', 'failed', 'rejected'] },
      );
      const desk = new Team({
        id: 'desk',
        members: [talker],
        engine: ({ delegate }) => delegate('talker', 'go'),
        postHooks: [audit],
      });
      const { app, agentOs, url } = await startApp({
        adapter,
        agentOs: { teams: [desk], onDisconnect, sessionStore: new InMemorySessionStore({ maxSessions: 10 }) },
      });
      const round = async (): Promise<string[]> => {
        const streams = Array.from({ length: STREAMS }, (_, index) => readStream(url, leavesAfter(index)));
        const texts = await Promise.all(streams);
        await app.get(AgentOsRuntime).inFlight.idle();
        await agentOs.drain();
        return texts.filter((text) => text !== undefined);
      };

      const complete = await round();
      const [before, , after] = [usedHeap(), await round(), usedHeap()];

      const statuses = [...ended.values()];
      expect(complete).toHaveLength(STREAMS * 0.9);
      expect(complete.filter((text) => !text.includes('event: TeamRunCompleted'))).toEqual([]);
      expect(statuses).toHaveLength(2 * STREAMS);
      expect(statuses.filter((list) => list.length !== 1)).toEqual([]);
      const cancelled = statuses.filter(([status]) => status === 'CANCELLED').length;
      expect(onDisconnect === 'finish' ? cancelled : cancelled > 0).toBe(
        onDisconnect === 'finish' ? 0 : true,
      );
      expect(await openExecutions(agentOs)).toBe(0);
      expect(await unhandled.stop()).toEqual([]);
      expect(after / before).toBeLessThan(1.2);
    },
    SLOW,
  );
});

const MIB = 1024 * 1024;
/** Of all recordings together. */
const RECORDED = 64 * MIB;
const LONG_STREAMS = 300;
/** The end of a run repeats its answer: a longer one would not be kept once the run has ended. */
const ANSWER = MIB / 4;
const PIECES = 16;

describe.each(['false', 'true'])('The recordings of long streams, with background=%s,', (background) => {
  it(
    'take as much memory as all of them may, and no more',
    async () => {
      const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      const teller = new Agent({
        id: 'teller',
        engine: async function* () {
          for (let piece = 0; piece < PIECES; piece++) {
            yield 'x'.repeat(ANSWER / PIECES);
            await pause();
          }
        },
      });
      const { app, agentOs, url } = await startApp({
        agentOs: { agents: [teller], sessionStore: new InMemorySessionStore({ maxSessions: 1 }) },
      });
      /** @returns the bytes that the client has read */
      const tell = async (): Promise<number> => {
        const response = await post(url, '/agents/teller', { message: 'hi', background });
        let bytes = 0;
        for await (const chunk of response.body ?? []) bytes += (chunk as Uint8Array).length;
        return bytes;
      };
      const tellAll = async (streams: number): Promise<number> => {
        const bytes = await Promise.all(Array.from({ length: streams }, tell));
        await app.get(AgentOsRuntime).inFlight.idle();
        await agentOs.drain();
        return bytes.reduce((sum, count) => sum + count, 0);
      };
      await tellAll(2);
      const before = usedHeap();
      const streamed = await tellAll(LONG_STREAMS);
      const recorded = usedHeap() - before;

      expect(streamed).toBeGreaterThan(2 * RECORDED);
      expect(recorded).toBeGreaterThan(0.8 * RECORDED);
      expect(recorded).toBeLessThan(1.25 * RECORDED);
    },
    SLOW,
  );
});

/** @returns the whole stream; undefined if the reader has left after so many frames */
async function readStream(url: string, frames: number | undefined): Promise<string | undefined> {
  const reader = new AbortController();
  const response = await post(url, '/teams/desk', { message: 'hi' }, reader.signal);
  if (frames === undefined) return response.text();
  let seen = 0;
  for await (const chunk of response.body ?? []) {
    seen +=
      Buffer.from(chunk as Uint8Array)
        .toString()
        .split('\n\n').length - 1;
    if (seen > frames) break;
  }
  reader.abort();
  return undefined;
}

/** Bytes in use, once all that nobody uses is gone. */
function usedHeap(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
