import type { Component } from '../../components/component.js';
import type { RunEvent } from '../../model/run-event.js';
import type { WireEvent } from '../wire/wire-event-frame.js';
import { toWireEvents } from '../wire/wire-run-event.js';

/** What a client reads of an event: all of it, or with `stream_events=false` what the answer is made of. */
export function toReadEvents(event: RunEvent, root: Component, isAllWanted: boolean): readonly WireEvent[] {
  const events = toWireEvents(event);
  if (isAllWanted || isEssential(event, root)) return events;
  if (root.kind !== 'workflow') return [];
  // The text of a step that is a function is in no other event.
  return events.filter(({ event: name }) => name === 'StepOutput');
}

/** Of a team its members' events are essential, of a workflow what its steps say. */
function isEssential({ type, component, parentRunId }: RunEvent, root: Component): boolean {
  const isOwn = parentRunId === undefined && component.id === root.id;
  if (root.kind === 'team' && !isOwn) return true;
  if (root.kind === 'agent' && !isOwn) return false;
  if (type === 'run-content' || type === 'run-error' || type === 'run-cancelled') return true;
  return root.kind === 'workflow' && isOwn && (type === 'run-started' || type === 'run-completed');
}
