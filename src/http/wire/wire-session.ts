import type { ModelIdentity } from '../../model/run-output.js';
import { nameOf } from '../../sessions/session.filter.js';
import type { StoredRun, StoredSession } from '../../sessions/session.store.js';
import { toJsonValue } from '../../data/to-json-value.js';
import type { WireObject } from './wire-format.js';
import { toWireMessage } from './wire-message.js';
import { withoutNulls } from './wire-nulls.js';
import { toWireSessionUsage } from './wire-session-usage.js';
import { toIsoSeconds } from './wire-time.js';

/** The component of a session as it is served; if it is not served, only the stored fields are known. */
export interface ServedComponent {
  readonly name: string;
  readonly description?: string | undefined;
  readonly model?: ModelIdentity | undefined;
}

/** The data for the details of a session. */
export interface SessionDetails {
  readonly session: StoredSession;
  readonly served: ServedComponent | undefined;
  /** The oldest first; a workflow's session shows no conversation. */
  readonly runs: readonly StoredRun[];
}

/** A session in a list; null fields are left out. */
export function toWireSession(session: StoredSession): WireObject {
  const { component, metadata, usage } = session;
  const metrics = toWireSessionUsage(usage);
  return withoutNulls({
    session_id: session.id,
    session_name: nameOf(session),
    session_state: toJsonValue(session.state),
    ...timesOf(session),
    session_type: session.kind,
    user_id: session.userId ?? null,
    ...(component ? { [`${component.kind}_id`]: component.id } : {}),
    session_summary: recordOrNull(session.summary),
    metrics: recordOrNull(metrics),
    total_tokens: metrics['total_tokens'] ?? null,
    metadata: recordOrNull(metadata),
  });
}

/** The same session without the fields that may be large. */
export function shortenSession(session: WireObject): WireObject {
  const { session_summary: _summary, metadata: _metadata, ...rest } = session;
  return { ...rest, session_state: {} };
}

/** A session with all details: every field is present, unknown ones are null. */
export function toWireSessionDetails(details: SessionDetails): WireObject {
  switch (details.session.kind) {
    case 'agent':
      return agentDetails(details);
    case 'team':
      return teamDetails(details);
    case 'workflow':
      return workflowDetails(details);
    default:
      return details.session.kind satisfies never;
  }
}

function agentDetails(details: SessionDetails): WireObject {
  const { session, runs } = details;
  const metrics = toWireSessionUsage(session.usage);
  return {
    user_id: session.userId ?? null,
    agent_session_id: session.id,
    ...identityOf(session),
    agent_id: session.component?.id ?? null,
    total_tokens: metrics['total_tokens'] ?? null,
    agent_data: componentOf(details),
    metrics,
    metadata: recordOrNull(session.metadata),
    chat_history: historyOf(runs),
    ...timesOf(session),
  };
}

function teamDetails(details: SessionDetails): WireObject {
  const { session, runs } = details;
  const metrics = toWireSessionUsage(session.usage);
  return {
    ...identityOf(session),
    user_id: session.userId ?? null,
    team_id: session.component?.id ?? null,
    metrics,
    team_data: componentOf(details),
    metadata: recordOrNull(session.metadata),
    chat_history: historyOf(runs),
    ...timesOf(session),
    total_tokens: metrics['total_tokens'] ?? null,
  };
}

function workflowDetails(details: SessionDetails): WireObject {
  const { session, served } = details;
  const state = toJsonValue(session.state);
  const metrics = toWireSessionUsage(session.usage);
  return {
    user_id: session.userId ?? null,
    workflow_id: session.component?.id ?? null,
    workflow_name: served?.name ?? session.component?.name ?? null,
    session_id: session.id,
    session_name: nameOf(session),
    session_data: withoutNulls({
      session_name: session.name ?? null,
      session_state: state,
      session_metrics: recordOrNull(metrics),
    }),
    session_state: state,
    workflow_data: componentOf(details),
    metadata: recordOrNull(session.metadata),
    ...timesOf(session),
  };
}

function identityOf(session: StoredSession): WireObject {
  return {
    session_id: session.id,
    session_name: nameOf(session),
    session_summary: recordOrNull(session.summary),
    session_state: toJsonValue(session.state),
  };
}

function timesOf({ createdAt, updatedAt }: StoredSession): WireObject {
  return { created_at: toIsoSeconds(createdAt), updated_at: toIsoSeconds(updatedAt) };
}

/** The component that the session belongs to. */
function componentOf({ session: { component, kind }, served }: SessionDetails): WireObject | null {
  if (!component) return null;
  const { name, description, model }: ServedComponent = served ?? component;
  return withoutNulls({
    name,
    [`${kind}_id`]: component.id,
    description: kind === 'workflow' ? (description ?? null) : null,
    model: model ? { name: model.name ?? model.id, provider: model.provider, id: model.id } : null,
  });
}

/** The messages between the user and the component: without the members' messages and the results of tools. */
function historyOf(runs: readonly StoredRun[]): readonly WireObject[] {
  return runs.flatMap((run) => toWireHistory(run) ?? []);
}

/** The same for one run; undefined for the run of a member. */
export function toWireHistory({ parentRunId, output }: StoredRun): readonly WireObject[] | undefined {
  if (parentRunId !== undefined) return undefined;
  return output.messages.filter(({ role }) => role !== 'tool').map(toWireMessage);
}

function recordOrNull(record: WireObject | undefined): unknown {
  return record && Object.keys(record).length > 0 ? toJsonValue(record) : null;
}
