import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import type { ComponentIdentity, ComponentKind } from '../../model/component.js';
import type { StoredSession } from '../../sessions/session.store.js';
import { DEFAULT_RUNS } from '../../protocol/requests.js';
import type { WireObject } from '../wire/wire-format.js';
import { toWireHistory, toWireSessionDetails } from '../wire/wire-session.js';
import { RunPages } from './run.pages.js';

/** Shows a session and its component with all details. */
@Injectable()
export class SessionPresenter {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly pages: RunPages,
  ) {}

  /** The details of a session; unknown fields are null. */
  async details(session: StoredSession): Promise<WireObject> {
    const { component, kind, userId: owner = null } = session;
    const latest = { limit: DEFAULT_RUNS };
    const history =
      kind === 'workflow' ? undefined : await this.pages.read(session.id, latest, { owner }, toWireHistory);
    return toWireSessionDetails({
      session,
      runs: history?.items.map(({ run }) => run) ?? [],
      served: component && this.#served(component),
    });
  }

  /** The identity of a component that a client has named. */
  identify(kind: ComponentKind, id: string): ComponentIdentity {
    const { name = id, description } = this.#served({ kind, id }) ?? {};
    return { kind, id, name, ...(description === undefined ? {} : { description }) };
  }

  #served({ kind, id }: Pick<ComponentIdentity, 'kind' | 'id'>): Component | undefined {
    const component = this.runtime.components.get(id);
    return component?.kind === kind ? component : undefined;
  }
}
