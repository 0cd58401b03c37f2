import { z } from 'zod';

import type { ModelIdentity } from '../model/run-output.js';
import { nameOf } from '../sessions/session.filter.js';
import type { StoredRun, StoredSession } from '../sessions/session.store.js';
import { toWireMessage, WireMessage } from './messages.js';
import { toWireSessionUsage, WireSessionUsage } from './metrics.js';
import { pageOf } from './pages.js';
import { isoTime, jsonObject, named, toIsoSeconds, toJsonObject, type Unknown } from './schema.js';

const CommonFields = z.object({
  session_id: z.string(),
  session_name: z.string().describe('The name of the session; without one, its first message.'),
  session_state: jsonObject(),
  created_at: isoTime(),
  updated_at: isoTime(),
});

/** A session in a list. */
export const WireSession = named(
  'SessionSummary',
  'A session in a list. Unknown fields are left out.',
  CommonFields.extend({
    session_type: z.enum(['agent', 'team', 'workflow']),
    user_id: z.string().optional(),
    agent_id: z.string().optional(),
    team_id: z.string().optional(),
    workflow_id: z.string().optional(),
    session_summary: jsonObject().optional(),
    metrics: WireSessionUsage.optional(),
    total_tokens: z.int().optional(),
    metadata: jsonObject().optional(),
    truncated: z
      .boolean()
      .optional()
      .describe('The page is full: state, metadata and summary are only in the details of the session.'),
  }),
);
export type WireSession = z.infer<typeof WireSession>;

export const WireSessionPage = pageOf('SessionPage', 'A page of sessions.', WireSession);

/** Unknown fields are left out in some answers, and null in others. */
const DetailFields = CommonFields.extend({
  user_id: z.string().nullable().optional(),
  metadata: jsonObject().nullable().optional(),
});

const ConversationFields = DetailFields.extend({
  metrics: WireSessionUsage,
  chat_history: z.array(WireMessage).describe('The messages between the user and the component.'),
  session_summary: jsonObject().nullable().optional(),
  total_tokens: z.int().nullable().optional(),
});

const SessionModel = z
  .object({ name: z.string(), provider: z.string(), id: z.string() })
  .optional()
  .describe('The model.');
const COMPONENT_DATA = 'The component of the session; null if it is unknown.';

const AgentSession = named(
  'AgentSession',
  "An agent's session.",
  ConversationFields.extend({
    agent_session_id: z.string(),
    agent_id: z.string().nullable().optional(),
    agent_data: z
      .object({ name: z.string(), agent_id: z.string(), model: SessionModel })
      .nullable()
      .optional()
      .describe(COMPONENT_DATA),
  }),
);
const TeamSession = named(
  'TeamSession',
  "A team's session.",
  ConversationFields.extend({
    team_id: z.string().nullable().optional(),
    team_data: z
      .object({ name: z.string(), team_id: z.string(), model: SessionModel })
      .nullable()
      .optional()
      .describe(COMPONENT_DATA),
  }),
);
const WorkflowSession = named(
  'WorkflowSession',
  "A workflow's session.",
  DetailFields.extend({
    session_data: z
      .object({
        session_name: z.string().optional().describe('Only if the session was named.'),
        session_state: jsonObject(),
        session_metrics: WireSessionUsage.optional(),
      })
      .describe('The data that is stored with the session.'),
    workflow_id: z.string().nullable().optional(),
    workflow_name: z.string().nullable().optional(),
    workflow_data: z
      .object({
        name: z.string(),
        workflow_id: z.string(),
        description: z.string().optional(),
        model: SessionModel,
      })
      .nullable()
      .optional()
      .describe(COMPONENT_DATA),
  }),
);

/** The sessions of each kind of component, with all details. */
export const SESSION_DETAILS = { agent: AgentSession, team: TeamSession, workflow: WorkflowSession };

/** A session with all details. */
export type WireSessionDetails =
  z.infer<typeof AgentSession> | z.infer<typeof TeamSession> | z.infer<typeof WorkflowSession>;

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

/** A session in a list; unknown fields are left out. */
export function toWireSession(session: StoredSession): WireSession {
  const { kind, component, summary, metadata } = session;
  const metrics = toWireSessionUsage(session.usage);
  return {
    session_id: session.id,
    session_name: nameOf(session),
    session_state: toJsonObject(session.state),
    created_at: toIsoSeconds(session.createdAt),
    updated_at: toIsoSeconds(session.updatedAt),
    session_type: kind,
    user_id: session.userId,
    agent_id: component?.kind === 'agent' ? component.id : undefined,
    team_id: component?.kind === 'team' ? component.id : undefined,
    workflow_id: component?.kind === 'workflow' ? component.id : undefined,
    session_summary: filledOr(summary, undefined),
    metrics,
    total_tokens: metrics?.total_tokens,
    metadata: filledOr(metadata, undefined),
  };
}

/** The same session without the fields that may be large. */
export function shortenSession(session: WireSession): WireSession {
  return { ...session, session_state: {}, session_summary: undefined, metadata: undefined };
}

/**
 * A session with all details.
 *
 * @param unknown - the value of unknown fields: null, or undefined to leave them out
 */
export function toWireSessionDetails(details: SessionDetails, unknown: Unknown): WireSessionDetails {
  const { session, served } = details;
  const { kind, component } = session;
  if (kind === 'workflow') return toWorkflowSession(details, unknown);
  const fields = toConversation(details, unknown);
  const id = component?.id;
  const { name, model }: Partial<ServedComponent> = served ?? component ?? {};
  const data = name === undefined ? undefined : { name, model: model && toSessionModel(model) };
  return kind === 'team'
    ? {
        ...fields,
        team_id: id ?? unknown,
        team_data: id !== undefined && data ? { ...data, team_id: id } : unknown,
      }
    : {
        ...fields,
        agent_session_id: session.id,
        agent_id: id ?? unknown,
        agent_data: id !== undefined && data ? { ...data, agent_id: id } : unknown,
      };
}

function toConversation(
  { session, runs }: SessionDetails,
  unknown: Unknown,
): z.infer<typeof ConversationFields> {
  const metrics = toWireSessionUsage(session.usage);
  return {
    session_id: session.id,
    session_name: nameOf(session),
    session_summary: filledOr(session.summary, unknown),
    session_state: toJsonObject(session.state),
    user_id: session.userId ?? unknown,
    metrics: metrics ?? {},
    total_tokens: metrics?.total_tokens ?? unknown,
    metadata: filledOr(session.metadata, unknown),
    chat_history: runs.flatMap((run) => toWireHistory(run) ?? []),
    created_at: toIsoSeconds(session.createdAt),
    updated_at: toIsoSeconds(session.updatedAt),
  };
}

function toWorkflowSession(
  { session, served }: SessionDetails,
  unknown: Unknown,
): z.infer<typeof WorkflowSession> {
  const { component } = session;
  const state = toJsonObject(session.state);
  const { name, description, model }: Partial<ServedComponent> = served ?? component ?? {};
  return {
    user_id: session.userId ?? unknown,
    workflow_id: component?.id ?? unknown,
    workflow_name: name ?? unknown,
    session_id: session.id,
    session_name: nameOf(session),
    session_data: {
      session_name: session.name,
      session_state: state,
      session_metrics: toWireSessionUsage(session.usage),
    },
    session_state: state,
    workflow_data:
      component && name !== undefined
        ? { name, workflow_id: component.id, description, model: model && toSessionModel(model) }
        : unknown,
    metadata: filledOr(session.metadata, unknown),
    created_at: toIsoSeconds(session.createdAt),
    updated_at: toIsoSeconds(session.updatedAt),
  };
}

/**
 * The messages between the user and the component: without the members' messages and the results of tools; undefined
 * for the run of a member.
 */
export function toWireHistory({ parentRunId, output }: StoredRun): WireMessage[] | undefined {
  if (parentRunId !== undefined) return undefined;
  return output.messages.filter(({ role }) => role !== 'tool').map(toWireMessage);
}

function toSessionModel({ id, name = id, provider }: ModelIdentity): z.infer<typeof SessionModel> {
  return { name, provider, id };
}

/** Empty objects are as good as unknown. */
function filledOr<U extends Unknown>(record: object | undefined, unknown: U): Record<string, unknown> | U {
  return record && Object.keys(record).length > 0 ? toJsonObject(record) : unknown;
}
