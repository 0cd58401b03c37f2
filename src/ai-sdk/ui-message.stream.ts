import type { UIMessage, UIMessageChunk } from 'ai';

import type { RunEvent } from '../model/run-event.js';
import { UiMessageChunks } from '../protocol/ui-message.chunks.js';
import type { UiMember, UiMessageChunk, UiMessageMetadata, UiStep } from '../protocol/ui-messages.js';

/**
 * A message of a chat with a component: the type for `useChat<AgentOsUIMessage>()`.
 *
 * Its metadata has the ids of the run and the session, and the usage. Its data parts are `data-member` (the run of a
 * member), `data-step` (a step of a workflow), and `data-answer` (the answer, if it is structured, or if a hook has
 * changed it after it was streamed).
 */
export type AgentOsUIMessage = UIMessage<
  UiMessageMetadata,
  {
    member: UiMember;
    step: UiStep;
    answer: { content: string; data?: unknown };
  }
>;

/**
 * The events of a run as a UI message stream of the AI SDK, for a route of your own. The routes `/chat` of components
 * do the same.
 *
 * @param events - of one run, as `AgentOsService.stream()` yields them
 * @returns the stream; cancelling it ends the reading of the events
 *
 * @example
 * ```ts
 * @Post('ask')
 * async ask(@Body() { messages }: AskDto, @Res() response: ServerResponse) {
 *   const stream = toUIMessageStream(this.agentOs.stream('support', questionOf(messages)));
 *   pipeUIMessageStreamToResponse({ response, stream });
 * }
 * ```
 */
export function toUIMessageStream(
  events: AsyncIterable<RunEvent>,
): ReadableStream<UIMessageChunk<UiMessageMetadata>> {
  const chunks = chunksOf(events);
  return new ReadableStream<UIMessageChunk<UiMessageMetadata>>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await chunks.return();
      },
    },
    // Nothing is read ahead: a reading that waits for its event could not be cancelled.
    { highWaterMark: 0 },
  );
}

async function* chunksOf(events: AsyncIterable<RunEvent>): AsyncGenerator<UiMessageChunk, void, void> {
  const message = new UiMessageChunks();
  for await (const event of events) yield* message.take(event);
}
