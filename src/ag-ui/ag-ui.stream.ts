import type { AGUIEvent } from '@ag-ui/core';

import type { RunEvent } from '../model/run-event.js';
import { AgUiEvents, type AgUiRequest } from '../protocol/ag-ui.events.js';
import type { AgUiEvent } from '../protocol/ag-ui.js';

/** The events as they are sent: `EventType` is an enum, of whose members JSON has the values. */
type Sent<E> = E extends { type: infer T extends string } ? Omit<E, 'type'> & { type: `${T}` } : never;

/**
 * The events of a run as those of AG-UI, for a route of your own. The routes `/ag-ui` of components do the same, and besides
 * show hooks in the background, and changes of the session's state while the run goes on.
 *
 * @param events - of one run, as `AgentOsService.stream()` yields them
 * @param request - of the client: a `RunAgentInput`
 *
 * @example
 * ```ts
 * for await (const event of toAgUiEvents(this.agentOs.stream('support', question, { sessionId: input.threadId }), input))
 *   response.write(`data: ${JSON.stringify(event)}\n\n`);
 * ```
 */
export async function* toAgUiEvents(
  events: AsyncIterable<RunEvent>,
  request: AgUiRequest,
): AsyncGenerator<AGUIEvent, void, void> {
  const run = new AgUiEvents(request);
  for await (const event of events) for (const next of run.take(event)) yield toTyped(next);
}

/** TypeScript checks that the events are those of AG-UI, but for the names of their types. */
function toTyped(event: AgUiEvent & Sent<AGUIEvent>): AGUIEvent {
  return event as unknown as AGUIEvent;
}
