import { Injectable } from '@nestjs/common';

import type { RecordedRun } from './run.recording.js';
import { RECORDING_BYTES, RunRecording } from './run.recording.js';

/** Milliseconds that the recording of a run is kept after it has ended. */
const RETENTION = 3_600_000;
/** Ended runs whose recordings are kept. */
const MAX_ENDED = 1_000;
/** Bytes in all recordings, those of runs that go on included. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The recordings of runs in the background. Those of ended runs are forgotten in time, the oldest first. */
@Injectable()
export class RunRecordings {
  /** In the order in which the runs have ended; those that go on stand anywhere. */
  readonly #recordings = new Map<string, RunRecording>();
  #bytes = 0;

  /** Begins a recording. */
  begin(run: RecordedRun): RunRecording {
    this.#forgetOld();
    const recording: RunRecording = new RunRecording(run, (bytes) => this.#resize(recording, bytes));
    this.#recordings.set(run.runId, recording);
    return recording;
  }

  /** The run has ended: from now on its recording may be forgotten. */
  keep(recording: RunRecording): void {
    const { runId } = recording.run;
    // Its session may have been deleted since.
    if (!this.#recordings.delete(runId)) return;
    this.#recordings.set(runId, recording);
    // One event alone is too large to be kept. Its readers go on, others find the run in its session.
    if (recording.bytes > RECORDING_BYTES) this.#forget(recording);
    this.#forgetOld();
  }

  /** Forgets the recordings of these runs. Who reads one may go on. */
  forget(isMeant: (run: RecordedRun) => boolean): void {
    for (const [runId, { run }] of [...this.#recordings]) if (isMeant(run)) this.#forgetRun(runId);
  }

  find(runId: string): RunRecording | undefined {
    this.#forgetOld();
    return this.#recordings.get(runId);
  }

  #forgetOld(): void {
    const ended = this.#ended();
    for (const [index, recording] of ended.entries()) {
      const isKept = ended.length - index <= MAX_ENDED;
      if (isKept && Date.now() - (recording.endedAt ?? 0) <= RETENTION) return;
      this.#forget(recording);
    }
  }

  #resize(recording: RunRecording, bytes: number): void {
    if (this.#recordings.get(recording.run.runId) !== recording) return;
    this.#bytes += bytes;
    if (bytes > 0 && this.#bytes > MAX_BYTES) this.#makeRoom();
  }

  /** Forgets runs that have ended, the oldest first, then the oldest events of the longest recordings. */
  #makeRoom(): void {
    for (const recording of this.#ended()) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#forget(recording);
    }
    const longest = [...this.#recordings.values()].sort((left, right) => right.bytes - left.bytes);
    for (const recording of longest) {
      if (this.#bytes <= MAX_BYTES) return;
      recording.shrink(recording.bytes / 2);
    }
  }

  #ended(): RunRecording[] {
    return [...this.#recordings.values()].filter(({ endedAt }) => endedAt !== undefined);
  }

  #forgetRun(runId: string): void {
    const recording = this.#recordings.get(runId);
    if (recording) this.#forget(recording);
  }

  #forget(recording: RunRecording): void {
    if (this.#recordings.delete(recording.run.runId)) this.#bytes -= recording.bytes;
  }
}
