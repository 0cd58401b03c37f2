import type { Schema, Schemas } from '../open-api.types.js';
import { eventUnion, integer, object, oneOfTexts, text, type Fields } from '../schema.builders.js';
import { conversationEventNames } from './conversation-event.schemas.js';
import { WORKFLOW_EVENT_NAMES } from './workflow-event.schemas.js';

/** The events of all kinds of runs: engines may run components of any kind, and teams may have members of any kind. */
const RUN_EVENTS = [
  ...WORKFLOW_EVENT_NAMES,
  ...conversationEventNames('team'),
  ...conversationEventNames('agent'),
];
const META_EVENTS = ['catch_up', 'subscribed', 'replay', 'error'];

/** The events of streams and of resumed streams. */
export const streamSchemas: Schemas = {
  AgentEvent: ofRun("An event in the stream of an agent's run, those of what its engine runs included."),
  TeamEvent: ofRun("An event in the stream of a team's run, those of its members included."),
  WorkflowEvent: ofRun("An event in the stream of a workflow's run, those of its steps included."),
  ResumedAgentEvent: resumed("An event in the resumed stream of an agent's run"),
  ResumedTeamEvent: resumed("An event in the resumed stream of a team's run"),
  ResumedWorkflowEvent: resumed("An event in the resumed stream of a workflow's run"),
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

function ofRun(description: string): Schema {
  return eventUnion(description, RUN_EVENTS);
}

function resumed(description: string): Schema {
  return eventUnion(`${description}, or a frame about the stream itself.`, [...META_EVENTS, ...RUN_EVENTS]);
}

function meta(event: string, description: string, fields: Fields): Schema {
  const common = { required: { event: oneOfTexts([event]), run_id: text() } };
  return object(description, common, fields, { required: { message: text('The same, for people.') } });
}
