import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import { enterScope } from '../../runs/scope.js';
import type { RunRequest } from '../../runs/run.js';
import { startRun } from '../../runs/start.js';
import type { BodyCount } from '../forms/body.memory.js';
import type { RunForm } from '../forms/run-form.js';
import { RecordedStream } from './recorded.stream.js';
import { RunEventEncoder } from './run-event.encoder.js';
import type { RunRecording } from './run.recording.js';
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
    const encoder = new RunEventEncoder(component, { isAllWanted: streamEvents, isIndexed: true });
    const events = new RecordedStream({ component, encoder, recordings: this.recordings });
    const request: RunRequest = {
      component,
      input,
      options,
      owner,
      environment,
      onDisconnect: 'finish',
      sink: (event) => events.write(event),
    };
    // A response that only reports the start of the run is not one that its hooks should wait for.
    const run = stream ? startRun(request) : enterScope({}, () => startRun(request));
    const recording = events.begin(run);
    memory.keepUntil(run.settled.then(() => events.end()));
    return recording;
  }
}
