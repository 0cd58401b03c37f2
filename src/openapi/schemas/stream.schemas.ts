import type { Schema, Schemas } from '../open-api.types.js';
import { eventUnion, integer, object, oneOfTexts, text, type Fields } from '../schema.builders.js';
import { conversationEventNames } from './conversation-event.schemas.js';
import { WORKFLOW_EVENT_NAMES } from './workflow-event.schemas.js';

const AGENT_EVENTS = conversationEventNames('agent');
const TEAM_EVENTS = [...conversationEventNames('team'), ...AGENT_EVENTS];
const WORKFLOW_EVENTS = [...WORKFLOW_EVENT_NAMES, ...TEAM_EVENTS];
const META_EVENTS = ['catch_up', 'subscribed', 'replay', 'error'];

/** What may be in the streams, by who is run; and what may stand in them when they are resumed. */
export const streamSchemas: Schemas = {
  AgentEvent: eventUnion("An event in the stream of an agent's run.", AGENT_EVENTS),
  TeamEvent: eventUnion("An event in the stream of a team's run, its members' included.", TEAM_EVENTS),
  WorkflowEvent: eventUnion(
    "An event in the stream of a workflow's run, those of its steps included.",
    WORKFLOW_EVENTS,
  ),
  ResumedAgentEvent: resumed(AGENT_EVENTS),
  ResumedTeamEvent: resumed(TEAM_EVENTS),
  ResumedWorkflowEvent: resumed(WORKFLOW_EVENTS),
  CatchUpEvent: meta('catch_up', 'What the client has missed follows.', {
    required: { status: oneOfTexts(['running']), missed_events: integer(), current_event_count: integer() },
  }),
  SubscribedEvent: meta('subscribed', 'What happens from now on follows.', {
    required: { status: oneOfTexts(['running']), current_event_count: integer() },
  }),
  ReplayEvent: meta('replay', 'The run has ended. Its events follow.', {
    required: {
      status: oneOfTexts(['RUNNING', 'COMPLETED', 'ERROR', 'CANCELLED']),
      total_events: integer('How many events there were.'),
      total_buffered: integer('How many of them are still known word for word.'),
      last_event_index_requested: integer(),
    },
  }),
  ErrorEvent: object('There is no such run.', {
    required: { event: oneOfTexts(['error']), error: text() },
  }),
};

function resumed(events: readonly string[]): Schema {
  return eventUnion('An event in a resumed stream, or a frame about the stream itself.', [
    ...META_EVENTS,
    ...events,
  ]);
}

function meta(event: string, description: string, fields: Fields): Schema {
  const common = { required: { event: oneOfTexts([event]), run_id: text() } };
  return object(description, common, fields, { required: { message: text('The same, for people.') } });
}
