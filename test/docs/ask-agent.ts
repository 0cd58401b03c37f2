/** An event of the protocol. Its other fields depend on its name. */
export interface AgentOsEvent {
  readonly event: string;
  readonly content?: string;
}

/** Asks an agent and hands over the events of its run as they come. */
export async function askAgent(
  url: string,
  message: string,
  onEvent: (event: AgentOsEvent) => void,
): Promise<void> {
  const response = await fetch(`${url}/runs`, { method: 'POST', body: new URLSearchParams({ message }) });
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const frames = (text + part.value).split('\n\n'); // a frame may come in pieces
    text = frames.pop() ?? '';
    for (const [, data] of frames.join('\n').matchAll(/^data: (.*)$/gm)) {
      if (data !== undefined) onEvent(JSON.parse(data) as AgentOsEvent);
    }
  }
}
