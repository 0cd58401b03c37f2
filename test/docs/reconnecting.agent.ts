import { HttpAgent, runHttpRequest, transformHttpEventStream, type RunAgentInput } from '@ag-ui/client';

/** `await agent.connectAgent()` reads the answer that is being streamed to the thread, from its start. */
export class ReconnectingAgent extends HttpAgent {
  protected override connect({ threadId }: RunAgentInput): ReturnType<HttpAgent['run']> {
    const url = `${this.url}/${encodeURIComponent(threadId)}/stream`;
    const { headers, abortController } = this;
    return transformHttpEventStream(
      runHttpRequest(async () => {
        const response = await this.fetch(url, { headers, signal: abortController.signal });
        // 204: no run of the thread is in flight, so there are no events.
        return response.status === 204 ? new Response('') : response;
      }),
    );
  }
}
