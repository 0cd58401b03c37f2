import { Injectable, NotFoundException } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import type { ComponentKind } from '../../model/component-identity.js';
import type { StoppableRun } from '../../runs/run.view.js';
import { isOf } from '../../sessions/session.filter.js';
import { SessionStore, type SessionOwner, type StoredRun } from '../../sessions/session.store.js';
import { isId } from '../../protocol/request.fields.js';
import { SessionAccess } from '../sessions/session.access.js';
import type { RecordedRun, RunRecording, StreamRoute } from './run.recording.js';
import { RunRecordings } from './run.recordings.js';
import { runningRun } from './running-run.js';

/** Finds components by id, and runs that the client may see. */
@Injectable()
export class RunFinder {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly sessions: SessionStore,
    private readonly access: SessionAccess,
    private readonly recordings: RunRecordings,
  ) {}

  /** @throws NotFoundException if no component of this kind has the id */
  component(kind: ComponentKind, id: string): Component {
    const component = this.runtime.components.get(id);
    if (component?.kind === kind) return component;
    throw new NotFoundException(`${kind[0]?.toUpperCase()}${kind.slice(1)} not found`);
  }

  /** A run that has not settled. */
  async inFlight(request: object, component: Component, runId: string): Promise<StoppableRun | undefined> {
    const owner = await this.access.ownerFor(request);
    const run = this.runtime.inFlight.get(runId);
    return run?.component.id === component.id && isSeen(run, owner) ? run : undefined;
  }

  /** The recording of a run of the component, for clients of the route; without one, for those of any route. */
  async recorded(
    request: object,
    component: Component,
    runId: string,
    route?: StreamRoute,
  ): Promise<RunRecording | undefined> {
    const isMeant = await this.#recordedFor(request, component, route);
    const recording = this.recordings.find(runId);
    return recording && isMeant(recording.run) ? recording : undefined;
  }

  /** The recording of the component's latest run in flight in the session, for clients of the route. */
  async streamed(
    request: object,
    component: Component,
    sessionId: string,
    route: StreamRoute,
  ): Promise<RunRecording | undefined> {
    const isMeant = await this.#recordedFor(request, component, route);
    return this.recordings.running((run) => run.sessionId === sessionId && isMeant(run));
  }

  async #recordedFor(
    request: object,
    component: Component,
    route: StreamRoute | undefined,
  ): Promise<(run: RecordedRun) => boolean> {
    const owner = await this.access.ownerFor(request);
    return (run) =>
      run.componentId === component.id && isOf(run, owner) && (route === undefined || run.route === route);
  }

  /** A run of the session, settled or not. */
  async find(
    request: object,
    component: Component,
    sessionId: string,
    runId: string,
  ): Promise<StoredRun | undefined> {
    // Before the store is searched: a run that settles in the meantime is found there.
    const run = await this.inFlight(request, component, runId);
    const stored = await this.stored(request, component, sessionId, runId);
    return stored ?? (run?.session.id === sessionId ? runningRun(run) : undefined);
  }

  /** A settled run of the session. */
  async stored(
    request: object,
    component: Component,
    sessionId: string,
    runId: string,
  ): Promise<StoredRun | undefined> {
    if (!isId(sessionId) || !isId(runId)) return undefined;
    const owner = await this.access.ownerFor(request);
    const filter = { owner, runId, componentId: component.id, limit: 1 };
    const [run] = await this.sessions.runs(sessionId, filter);
    return run;
  }

  /** The runs of a component in a session that have not settled. */
  async running(request: object, component: Component, sessionId: string): Promise<StoredRun[]> {
    const runs = await this.runningIn(request, sessionId);
    return runs.filter((run) => run.component.id === component.id);
  }

  /**
   * The runs in a session that have not settled, parts included.
   *
   * @param claimed - the user that the client claims to be
   */
  async runningIn(request: object, sessionId: string, claimed?: string): Promise<StoredRun[]> {
    const owner = await this.access.ownerFor(request, claimed);
    const runs = this.runtime.inFlight.all().filter((run) => run.session.id === sessionId);
    return runs.filter((run) => isSeen(run, owner)).map(runningRun);
  }
}

/** Runs that hooks start for themselves are never listed, and clients may not stop them. */
function isSeen(run: StoppableRun, owner: SessionOwner | undefined): boolean {
  return !run.isAside && isOf(run, owner);
}
