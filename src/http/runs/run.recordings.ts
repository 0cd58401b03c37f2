import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import type { RecordedRun } from './run.recording.js';
import { RECORDING_BYTES, RunRecording } from './run.recording.js';

/** Milliseconds that a recording is kept after its run has ended. */
const RETENTION = 3_600_000;
/** Maximum number of ended runs whose recordings are kept. */
const MAX_ENDED = 1_000;
/** Maximum bytes of all recordings, those of runs in flight included. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The recordings of streamed runs. Those of ended runs are dropped in time, the least recently read first. */
@Injectable()
export class RunRecordings {
  readonly #running = new Map<string, RunRecording>();
  #runningBytes = 0;
  readonly #ended = new LRUCache<string, RunRecording>({
    max: MAX_ENDED,
    maxSize: MAX_BYTES,
    // A single event may be too large to be kept. Current readers go on, others find the run in its session.
    maxEntrySize: RECORDING_BYTES,
    sizeCalculation: ({ bytes }) => Math.max(1, bytes),
    ttl: RETENTION,
    // Between 0 and the next millisecond the cache would keep a timer.
    ttlResolution: 0,
    perf: { now: () => Date.now() },
  });

  /** Begins a recording. */
  begin(run: RecordedRun): RunRecording {
    this.#ended.purgeStale();
    const recording: RunRecording = new RunRecording(run, (bytes) => this.#resize(recording, bytes));
    this.#running.set(run.runId, recording);
    return recording;
  }

  /** Called when the run has ended: from now on its recording may be dropped. */
  keep(recording: RunRecording): void {
    // Its session may have been deleted in the meantime.
    if (this.#leave(recording)) this.#ended.set(recording.run.runId, recording);
  }

  /** Drops the recordings of these runs. Current readers go on. */
  forget(isMeant: (run: RecordedRun) => boolean): void {
    for (const recording of [...this.#running.values()]) if (isMeant(recording.run)) this.#leave(recording);
    for (const { run } of [...this.#ended.values()]) if (isMeant(run)) this.#ended.delete(run.runId);
  }

  /** Drops the recording of a run that has ended. Current readers go on. */
  drop(recording: RunRecording): void {
    this.#leave(recording);
  }

  /** The latest recording of a run in flight that is meant. */
  running(isMeant: (run: RecordedRun) => boolean): RunRecording | undefined {
    return [...this.#running.values()].findLast(({ run }) => isMeant(run));
  }

  find(runId: string): RunRecording | undefined {
    return this.#running.get(runId) ?? this.#ended.get(runId);
  }

  #resize(recording: RunRecording, bytes: number): void {
    if (this.#running.get(recording.run.runId) !== recording) return;
    this.#runningBytes += bytes;
    if (bytes > 0) this.#makeRoom();
  }

  /** Drops recordings of ended runs, then the oldest events of the longest recordings. */
  #makeRoom(): void {
    while (this.#isFull() && this.#ended.size > 0) this.#ended.pop();
    if (!this.#isFull()) return;
    const longest = [...this.#running.values()].sort((left, right) => right.bytes - left.bytes);
    for (const recording of longest) {
      if (!this.#isFull()) return;
      recording.shrink(recording.bytes / 2);
    }
  }

  #isFull(): boolean {
    return this.#runningBytes + this.#ended.calculatedSize > MAX_BYTES;
  }

  /** @returns whether the recording was one of a run in flight */
  #leave(recording: RunRecording): boolean {
    const { runId } = recording.run;
    if (this.#running.get(runId) !== recording) return false;
    this.#runningBytes -= recording.bytes;
    return this.#running.delete(runId);
  }
}
