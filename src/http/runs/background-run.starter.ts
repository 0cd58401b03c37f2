import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import { enterScope } from '../../runs/scope.js';
import type { RunRequest } from '../../runs/run.js';
import type { RunHandle } from '../../runs/run.view.js';
import { startRun } from '../../runs/start.js';
import type { BodyCount } from '../forms/body.memory.js';
import type { RunForm } from '../forms/run-form.js';
import type { WireEvent } from '../../protocol/events.js';
import { toReadEvents } from './essential.events.js';
import { recordedRunOf, type RunRecording } from './run.recording.js';
import { RunRecordings } from './run.recordings.js';

/** Starts runs that go on independently of their readers. */
@Injectable()
export class BackgroundRunStarter {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly recordings: RunRecordings,
  ) {}

  /**
   * Starts a run and does not wait for it.
   *
   * @param memory - of the body that its files are in
   * @throws AgentOsConfigurationError or TypeError if it cannot start
   */
  start(
    component: Component,
    { input, options, owner, stream, streamEvents }: RunForm,
    memory: BodyCount,
  ): RunRecording {
    const { environment } = this.runtime;
    let recording: RunRecording | undefined = undefined;
    /** A run emits its first events while it is started, before its handle exists. */
    const early: WireEvent[] = [];
    const request: RunRequest = {
      component,
      input,
      options,
      owner,
      environment,
      onDisconnect: 'finish',
      sink: (event) => {
        const events = toReadEvents(event, component, streamEvents);
        if (recording) recording.record(events);
        else early.push(...events);
        return undefined;
      },
    };
    // A response that only reports the start of the run is not one that its hooks should wait for.
    const run = stream ? startRun(request) : enterScope({}, () => startRun(request));
    recording = this.recordings.begin(recordedRunOf(run));
    recording.record(early);
    memory.keepUntil(this.#endWith(run, recording));
    return recording;
  }

  async #endWith(run: RunHandle, recording: RunRecording): Promise<void> {
    const { output } = await run.settled;
    recording.end(output.status);
    this.recordings.keep(recording);
  }
}
