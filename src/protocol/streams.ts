import { z } from 'zod';

import type { ComponentKind } from '../model/component-identity.js';
import { toEventId, type EventPlace } from './event.ids.js';
import { toLine } from './event.lines.js';
import { COMMON_FIELDS, ERROR_EVENTS, EVENTS, prefixOf, type WireEvent } from './events.js';
import type { WireChanges } from './hooks.js';
import { WireRunStatus } from './runs.js';
import { named } from './schema.js';

/** The events of all kinds of runs: engines may run components of any kind, and teams may have any members. */
const RUN_EVENTS = [...schemasOf('workflow'), ...schemasOf('team'), ...schemasOf('agent')];

const StreamFields = z.object({ run_id: z.string(), message: z.string().describe('A message for people.') });

/** The events about a resumed stream itself. */
const WireStreamEvent = z.union([
  named(
    'CatchUpEvent',
    'The events that the client has missed follow.',
    StreamFields.extend({
      event: z.enum(['catch_up']),
      status: z.enum(['running']),
      missed_events: z.int(),
      current_event_count: z.int(),
    }),
  ),
  named(
    'SubscribedEvent',
    'Events follow as they happen.',
    StreamFields.extend({
      event: z.enum(['subscribed']),
      status: z.enum(['running']),
      current_event_count: z.int(),
    }),
  ),
  named(
    'ReplayEvent',
    'The run has ended. Its events follow.',
    StreamFields.extend({
      event: z.enum(['replay']),
      status: WireRunStatus,
      total_events: z.int().describe('The number of events of the run.'),
      total_buffered: z.int().describe('The number of events that are still kept word for word.'),
      last_event_index_requested: z.int(),
    }),
  ),
  named('ErrorEvent', 'The run does not exist.', z.object({ event: z.enum(['error']), error: z.string() })),
]);

/** An event about a resumed stream itself. */
export type WireStreamEvent = z.infer<typeof WireStreamEvent>;

/** The events in the stream of each kind of run. */
export const WIRE_EVENTS = {
  agent: unionOf('AgentEvent', "An event of an agent's run, or of a run that its engine has started."),
  team: unionOf('TeamEvent', "An event of a team's run, or of a run of its members."),
  workflow: unionOf('WorkflowEvent', "An event of a workflow's run, or of a run of its steps."),
};

/** The events in the resumed stream of each kind of run. */
export const RESUMED_EVENTS = {
  agent: resumedUnionOf('ResumedAgentEvent', 'an agent'),
  team: resumedUnionOf('ResumedTeamEvent', 'a team'),
  workflow: resumedUnionOf('ResumedWorkflowEvent', 'a workflow'),
};

function unionOf(name: string, description: string): z.ZodType<WireEvent> {
  return named(name, description, z.union(RUN_EVENTS));
}

function resumedUnionOf(name: string, component: string): z.ZodType<WireEvent | WireStreamEvent> {
  const description = `An event in the resumed stream of ${component}'s run, or an event about the stream itself.`;
  return named(name, description, z.union([...WireStreamEvent.options, ...RUN_EVENTS]));
}

/** The schemas of the events of a kind's runs, each once. */
function schemasOf(kind: ComponentKind): z.ZodType<WireEvent>[] {
  const schemas = new Map<string, z.ZodType<WireEvent>>();
  for (const row of Object.values(EVENTS)) {
    for (const { name, description, shape } of [
      ...((kind !== 'workflow' && row.conversation) || []),
      ...(row[kind] ?? []),
    ]) {
      if (schemas.has(name)) continue;
      const common = ERROR_EVENTS.has(name) ? COMMON_FIELDS[kind].partial() : COMMON_FIELDS[kind];
      const fullName = prefixOf(kind) + name;
      const schema = z.object({
        ...common.shape,
        ...shape,
        event: z.enum([fullName]),
        created_at: COMMON_FIELDS[kind].shape.created_at,
      });
      schemas.set(name, named(`${fullName}Event`, description, schema));
    }
  }
  return [...schemas.values()];
}

/**
 * Exactly `event: <Name>`, `data: <one line of JSON>`, blank line: readers of the protocol accept nothing else but further
 * fields after these, such as the id.
 */
export function toFrame(event: WireEvent, place?: EventPlace): string {
  const id = place ? `id: ${toEventId(place)}\n` : '';
  return `event: ${event.event}\ndata: ${toLine(JSON.stringify(event))}\n${id}\n`;
}

/** A frame of the stream of changes. */
export function toChangesFrame(changes: WireChanges): string {
  return `event: Changes\ndata: ${toLine(JSON.stringify(changes))}\n\n`;
}

/**
 * A frame about the stream itself, such as `subscribed`. Its JSON has a space after each colon and comma; it must be
 * a flat object.
 */
export function toMetaFrame(event: WireStreamEvent): string {
  const members = Object.entries(event).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  return `event: ${event.event}\ndata: ${toLine(`{${members.join(', ')}}`)}\n\n`;
}
