import { Injectable, NotFoundException } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import type { ComponentKind } from '../../model/component.js';
import type { ActiveRun } from '../../runs/active-run.js';
import { isAside } from '../../runs/run.origin.js';
import { SessionStore, type StoredRun } from '../../sessions/session.store.js';
import { isId } from '../forms/request.fields.js';
import { SessionAccess } from '../sessions/session.access.js';
import { runningRun } from './running-run.js';

/** Finds what clients ask for: components, and runs that they may see. */
@Injectable()
export class RunFinder {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly sessions: SessionStore,
    private readonly access: SessionAccess,
  ) {}

  /** @throws NotFoundException if no component of this kind has the id */
  component(kind: ComponentKind, id: string): Component {
    const component = this.runtime.components.get(id);
    if (component?.kind === kind) return component;
    throw new NotFoundException(`${kind[0]?.toUpperCase()}${kind.slice(1)} not found`);
  }

  /** A run that has not settled. */
  inFlight(request: object, component: Component, runId: string): ActiveRun | undefined {
    const run = this.runtime.inFlight.get(runId);
    return run && this.#isSeen(request, component, run) ? run : undefined;
  }

  /** A run of the session, settled or not. */
  async find(
    request: object,
    component: Component,
    sessionId: string,
    runId: string,
  ): Promise<StoredRun | undefined> {
    // Before the store is asked: a run that settles in between is found there.
    const run = this.inFlight(request, component, runId);
    const stored = await this.stored(request, component, sessionId, runId);
    return stored ?? (run?.sessionId === sessionId ? runningRun(run) : undefined);
  }

  /** A settled run of the session. */
  async stored(
    request: object,
    component: Component,
    sessionId: string,
    runId: string,
  ): Promise<StoredRun | undefined> {
    if (!isId(sessionId) || !isId(runId)) return undefined;
    const filter = { owner: this.access.ownerFor(request), runId, componentId: component.id, limit: 1 };
    const [run] = await this.sessions.runs(sessionId, filter);
    return run;
  }

  /** The runs of a component in a session that have not settled. */
  running(request: object, component: Component, sessionId: string): StoredRun[] {
    const runs = this.runtime.inFlight.all().filter((run) => run.sessionId === sessionId);
    return runs.filter((run) => this.#isSeen(request, component, run)).map(runningRun);
  }

  #isSeen(request: object, component: Component, run: ActiveRun): boolean {
    // What hooks ask for themselves is never listed, and not the client's to stop.
    if (isAside(run)) return false;
    return run.component.id === component.id && this.access.maySee(request, run);
  }
}
