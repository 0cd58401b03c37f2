import { Injectable } from '@nestjs/common';

import type { RecordedRun } from './run.recording.js';
import { RunRecording } from './run.recording.js';

/** Milliseconds that the recording of a run is kept after it has ended. */
const RETENTION = 3_600_000;
/** Ended runs whose recordings are kept. */
const MAX_ENDED = 1_000;
/** Characters in the recordings of ended runs. */
const MAX_CHARACTERS = 64 * 1024 * 1024;

/** The recordings of runs in the background. Those of ended runs are forgotten in time, the oldest first. */
@Injectable()
export class RunRecordings {
  /** In the order in which the runs have ended; those that go on stand anywhere. */
  readonly #recordings = new Map<string, RunRecording>();

  /** Begins a recording. */
  begin(run: RecordedRun): RunRecording {
    this.#forgetOld();
    const recording = new RunRecording(run);
    this.#recordings.set(run.runId, recording);
    return recording;
  }

  /** The run has ended: from now on its recording may be forgotten. */
  keep(recording: RunRecording): void {
    const { runId } = recording.run;
    // Its session may have been deleted since.
    if (!this.#recordings.delete(runId)) return;
    this.#recordings.set(runId, recording);
    this.#forgetOld();
  }

  /** Forgets the recordings of these runs. Who reads one may go on. */
  forget(isMeant: (run: RecordedRun) => boolean): void {
    for (const [runId, { run }] of this.#recordings) if (isMeant(run)) this.#recordings.delete(runId);
  }

  find(runId: string): RunRecording | undefined {
    this.#forgetOld();
    return this.#recordings.get(runId);
  }

  #forgetOld(): void {
    const ended = [...this.#recordings.values()].filter(({ endedAt }) => endedAt !== undefined);
    let characters = ended.reduce((sum, recording) => sum + recording.characters, 0);
    for (const [index, recording] of ended.entries()) {
      const isKept = ended.length - index <= MAX_ENDED && characters <= MAX_CHARACTERS;
      if (isKept && Date.now() - (recording.endedAt ?? 0) <= RETENTION) return;
      this.#recordings.delete(recording.run.runId);
      characters -= recording.characters;
    }
  }
}
