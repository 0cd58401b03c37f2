import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import type { ComponentIdentity, ComponentKind } from '../../model/component-identity.js';
import type { StoredSession } from '../../sessions/session.store.js';
import { DEFAULT_RUNS } from '../../protocol/requests.js';
import type { Unknown } from '../../protocol/schema.js';
import { toWireHistory, toWireSessionDetails, type WireSessionDetails } from '../../protocol/sessions.js';
import { RunPages } from './run.pages.js';

/** Shows a session and its component with all details. */
@Injectable()
export class SessionPresenter {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly pages: RunPages,
  ) {}

  /**
   * The details of a session.
   *
   * @param unknown - the value of unknown fields: null, or undefined to leave them out
   */
  async details(session: StoredSession, unknown: Unknown): Promise<WireSessionDetails> {
    const { component, kind, userId: owner = null } = session;
    const latest = { limit: DEFAULT_RUNS };
    const history =
      kind === 'workflow' ? undefined : await this.pages.read(session.id, latest, { owner }, toWireHistory);
    const served = component && this.#served(component);
    const runs = history?.items.map(({ run }) => run) ?? [];
    return toWireSessionDetails({ session, runs, served }, unknown);
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
