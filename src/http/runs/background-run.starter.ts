import { Injectable, Logger } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import { AgentRunError } from '../../errors/agent-run.error.js';
import { forLog } from '../../errors/log.text.js';
import type { ActiveRun } from '../../runs/active-run.js';
import { enterScope } from '../../runs/run.scope.js';
import { startRun, type RunRequest } from '../../runs/start-run.js';
import type { RunForm } from '../forms/run-form.js';
import { toReadEvents } from './essential.events.js';
import type { RunRecording } from './run.recording.js';
import { RunRecordings } from './run.recordings.js';

/** Starts runs that go on whoever reads them. */
@Injectable()
export class BackgroundRunStarter {
  readonly #logger = new Logger('AgentOs');

  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly recordings: RunRecordings,
  ) {}

  /**
   * Starts a run and does not wait for it.
   *
   * @throws AgentOsConfigurationError or TypeError if it cannot start
   */
  async start(
    component: Component,
    { input, options, owner, stream, streamEvents }: RunForm,
  ): Promise<RunRecording> {
    const { environment } = this.runtime;
    let recording: RunRecording | undefined;
    const request: RunRequest = {
      component,
      input,
      options,
      owner,
      environment,
      onDisconnect: 'finish',
      onStart: (run) => (recording = this.recordings.begin(identityOf(run))),
      sink: (event) => {
        recording?.record(toReadEvents(event, component, streamEvents));
        return undefined;
      },
    };
    // A response that only says that the run has begun is not the one that its hooks should wait for.
    const ending = stream ? startRun(request) : enterScope({}, () => startRun(request));
    if (recording === undefined) throw await ending.then(unstarted, (thrown: unknown) => thrown);
    void this.#end(ending, recording);
    return recording;
  }

  async #end(ending: Promise<unknown>, recording: RunRecording): Promise<void> {
    try {
      await ending;
      recording.end('COMPLETED');
    } catch (thrown) {
      recording.end(thrown instanceof AgentRunError ? thrown.runOutput.status : 'ERROR');
      // How a run ends is in its events; anything else has no other way to be known.
      if (!(thrown instanceof AgentRunError)) this.#report(recording, thrown);
    }
    this.recordings.keep(recording);
  }

  #report({ run }: RunRecording, thrown: unknown): void {
    const { reason, stack } = forLog(thrown);
    this.#logger.error(`Run ${run.runId} of "${run.componentId}" in the background broke: ${reason}`, stack);
  }
}

function identityOf({ runId, sessionId, userId, component }: ActiveRun): RunRecording['run'] {
  return { runId, sessionId, componentId: component.id, ...(userId === undefined ? {} : { userId }) };
}

function unstarted(): Error {
  return new Error('A run ended without having been started.');
}
