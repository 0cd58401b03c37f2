import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { RunRecording } from '../../../../src/http/runs/run.recording.js';
import { RunRecordings } from '../../../../src/http/runs/run.recordings.js';
import { someTurns } from '../../../support/turns.js';

const run = { runId: 'r1', sessionId: 's1', componentId: 'agent', route: 'runs' } as const;
const MEGABYTE = 1024 * 1024;

function eventOf(content: string): { event: string; content: string } {
  return { event: 'RunContent', content };
}

/** An event that names its index. */
function frameOf(event: { event: string; content: string }, { index }: { index: number }): string {
  return `event: ${event.event}\ndata: ${JSON.stringify({ ...event, event_index: index })}\n\n`;
}

/** What a reader gets until the recording ends or the reader leaves. */
async function readAll(
  recording: RunRecording,
  from = 0,
  signal = new AbortController().signal,
): Promise<string[]> {
  const frames: string[] = [];
  for await (const frame of recording.read(from, signal)) frames.push(frame);
  return frames.map((frame) => frame.split('\n')[1]?.slice('data: '.length) ?? '');
}

describe('A recording', () => {
  it('numbers its events, and gives them to each reader, however late', async () => {
    const recording = new RunRecording(run);
    const early = readAll(recording);
    recording.record([eventOf('a'), eventOf('b')], frameOf);
    await someTurns();
    const late = readAll(recording, 1);
    recording.record([eventOf('c')], frameOf);
    recording.end('COMPLETED');
    const [a, b, c] = ['a', 'b', 'c'].map((content, index) =>
      JSON.stringify({ event: 'RunContent', content, event_index: index }),
    );
    expect(await Promise.all([early, late, readAll(recording, 2), readAll(recording, 3)])).toEqual([
      [a, b, c],
      [b, c],
      [c],
      [],
    ]);
  });

  it('releases a reader that has left', async () => {
    const recording = new RunRecording(run);
    const reader = new AbortController();
    const reading = readAll(recording, 0, reader.signal);
    recording.record([eventOf('a')], frameOf);
    await someTurns();
    reader.abort();
    expect(await reading).toHaveLength(1);
  });

  it('forgets its oldest events beyond a megabyte, but never the last one, and counts the forgotten ones', async () => {
    const recording = new RunRecording(run);
    const waiting = readAll(recording);
    recording.record(
      Array.from({ length: 8 }, () => eventOf('x'.repeat(MEGABYTE / 4))),
      frameOf,
    );
    expect([recording.total, recording.buffered]).toEqual([8, 3]);
    expect(recording.bytes).toBeLessThanOrEqual(MEGABYTE);
    recording.record([eventOf('y'.repeat(2 * MEGABYTE))], frameOf);
    recording.end('COMPLETED');
    expect([recording.total, recording.buffered]).toEqual([9, 1]);
    const [last] = await waiting;
    expect(JSON.parse(last ?? '')).toMatchObject({ event_index: 8 });
  });

  it('returns the events between two indexes, as far as they are stored', () => {
    const recording = new RunRecording(run);
    recording.record(['a', 'b', 'c'].map(eventOf), frameOf);
    const indexes = (from: number, to: number): unknown[] =>
      recording.frames(from, to).map((frame) => /"event_index":(\d+)/.exec(frame)?.[1]);
    expect([indexes(0, 3), indexes(1, 2), indexes(3, 3), indexes(7, 3)]).toEqual([
      ['0', '1', '2'],
      ['1'],
      [],
      [],
    ]);
  });
});

describe('Recordings', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const begin = (recordings: RunRecordings, runId: string, content = ''): RunRecording => {
    const recording = recordings.begin({ ...run, runId });
    recording.record([eventOf(content)], frameOf);
    return recording;
  };
  const end = (recordings: RunRecordings, recording: RunRecording): void => {
    recording.end('COMPLETED');
    recordings.keep(recording);
  };

  it('are kept for an hour after their run has ended, and while it runs', () => {
    const recordings = new RunRecordings();
    begin(recordings, 'running');
    end(recordings, begin(recordings, 'ended'));
    jest.setSystemTime(Date.now() + 3_600_000);
    expect(recordings.find('ended')).toBeDefined();
    jest.setSystemTime(Date.now() + 1);
    expect([recordings.find('ended'), recordings.find('running')?.run.runId]).toEqual([undefined, 'running']);
  });

  it('are limited to the latest thousand of ended runs', () => {
    const recordings = new RunRecordings();
    begin(recordings, 'running');
    for (let index = 0; index < 1_002; index++) end(recordings, begin(recordings, `run ${index}`));
    const known = ['run 0', 'run 1', 'run 2', 'run 1001', 'running'].filter((id) => recordings.find(id));
    expect(known).toEqual(['run 2', 'run 1001', 'running']);
  });

  it('take a bounded amount of memory for ended runs', () => {
    const recordings = new RunRecordings();
    for (let index = 0; index < 70; index++)
      end(recordings, begin(recordings, `run ${index}`, 'x'.repeat(MEGABYTE - 100)));
    const known = Array.from({ length: 70 }, (_, index) => recordings.find(`run ${index}`)).filter(Boolean);
    expect(known).toHaveLength(64);
    expect(recordings.find('run 69')).toBeDefined();
  });

  it('take the same bounded amount for runs in flight, in bytes', () => {
    const recordings = new RunRecordings();
    // Two bytes each, in as many pieces as an answer may have.
    const pieces = Array.from({ length: 7 }, () => eventOf('é'.repeat(MEGABYTE / 16)));
    const all = Array.from({ length: 200 }, (_, index) => begin(recordings, `run ${index}`));
    for (const recording of all) recording.record(pieces, frameOf);
    const bytes = all.reduce((sum, recording) => sum + recording.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(64 * MEGABYTE);
    expect(bytes).toBeGreaterThan(32 * MEGABYTE);
    for (const recording of all) expect([recording.total, recording.buffered > 0]).toEqual([8, true]);
  });

  it('do not keep an event that is too large alone once its run has ended, nor drop others for it', async () => {
    const recordings = new RunRecordings();
    end(recordings, begin(recordings, 'small'));
    const large = begin(recordings, 'large', 'x'.repeat(100 * MEGABYTE));
    const reading = readAll(large);
    expect(recordings.find('small')).toBeUndefined();
    end(recordings, begin(recordings, 'other'));
    end(recordings, large);
    expect([recordings.find('large'), recordings.find('other')?.run.runId]).toEqual([undefined, 'other']);
    expect(await reading).toHaveLength(1);
  });
});
