import { Injectable } from '@nestjs/common';

import type { RecordedRun } from './run.recording.js';
import { RECORDING_BYTES, RunRecording } from './run.recording.js';

/** Milliseconds that a recording is kept after its run has ended. */
const RETENTION = 3_600_000;
/** Maximum number of ended runs whose recordings are kept. */
const MAX_ENDED = 1_000;
/** Maximum bytes of all recordings, those of runs in flight included. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The recordings of background runs. Those of ended runs are dropped in time, the oldest first. */
@Injectable()
export class RunRecordings {
  /** Ended runs are in the order of their ends; runs in flight may be anywhere. */
  readonly #recordings = new Map<string, RunRecording>();
  #bytes = 0;

  /** Begins a recording. */
  begin(run: RecordedRun): RunRecording {
    this.#forgetOld();
    const recording: RunRecording = new RunRecording(run, (bytes) => this.#resize(recording, bytes));
    this.#recordings.set(run.runId, recording);
    return recording;
  }

  /** Called when the run has ended: from now on its recording may be dropped. */
  keep(recording: RunRecording): void {
    const { runId } = recording.run;
    // Its session may have been deleted in the meantime.
    if (!this.#recordings.delete(runId)) return;
    this.#recordings.set(runId, recording);
    // A single event is too large to be kept. Current readers go on, others find the run in its session.
    if (recording.bytes > RECORDING_BYTES) this.#forget(recording);
    this.#forgetOld();
  }

  /** Drops the recordings of these runs. Current readers go on. */
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

  /** Drops recordings of ended runs, the oldest first, then the oldest events of the longest recordings. */
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
