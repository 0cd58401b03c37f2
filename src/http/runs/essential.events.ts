import type { Component } from '../../components/component.js';
import { isAnswerPiece, type RunEvent } from '../../model/run-event.js';
import { toWireEvents, type WireEvent } from '../../protocol/events.js';

/** The events that a client reads of a run event: all, or with `stream_events=false` the essential ones. */
export function toReadEvents(event: RunEvent, root: Component, isAllWanted: boolean): readonly WireEvent[] {
  const events = toWireEvents(event);
  if (isAllWanted || isEssential(event, root)) return events;
  if (root.kind !== 'workflow') return [];
  // The text of a function step is in no other event.
  return events.filter(({ event: name }) => name === 'StepOutput');
}

/** In a team's run all events of its members are essential, in a workflow's run the content of its steps. */
function isEssential(event: RunEvent, root: Component): boolean {
  const { type, component, parentRunId } = event;
  const isOwn = parentRunId === undefined && component.id === root.id;
  if (root.kind === 'team' && !isOwn) return true;
  if (root.kind === 'agent' && !isOwn) return false;
  if (isAnswerPiece(event) || type === 'run-error' || type === 'run-cancelled') return true;
  return root.kind === 'workflow' && isOwn && (type === 'run-started' || type === 'run-completed');
}
