import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import type { ComponentIdentity, ComponentKind } from '../../model/component.js';
import { SessionStore, type StoredSession } from '../../sessions/session.store.js';
import type { WireObject } from '../wire/wire-format.js';
import { toWireSessionDetails } from '../wire/wire-session.js';

/** So many runs of a session are shown at most, the latest ones. */
export const MAX_SESSION_RUNS = 1_000;

/** Shows all that is known about a session and its component. */
@Injectable()
export class SessionPresenter {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly sessions: SessionStore,
  ) {}

  /** The details of a session; what is unknown is null. */
  async details(session: StoredSession): Promise<WireObject> {
    const { component, kind, userId: owner = null } = session;
    const hasHistory = kind !== 'workflow';
    const limit = MAX_SESSION_RUNS;
    const runs = hasHistory ? await this.sessions.runs(session.id, { owner, limit }) : [];
    return toWireSessionDetails({ session, runs, served: component && this.#served(component) });
  }

  /** Who a component is that a client has named. */
  identify(kind: ComponentKind, id: string): ComponentIdentity {
    const { name = id, description } = this.#served({ kind, id }) ?? {};
    return { kind, id, name, ...(description === undefined ? {} : { description }) };
  }

  #served({ kind, id }: Pick<ComponentIdentity, 'kind' | 'id'>): Component | undefined {
    const component = this.runtime.components.get(id);
    return component?.kind === kind ? component : undefined;
  }
}
