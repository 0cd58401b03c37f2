/* global TextDecoderStream */

/** Asks an agent and hands over the events of its run as they come. The guide shows it: it has to be plain JavaScript. */
export async function askAgent(url, message, onEvent) {
  const response = await fetch(`${url}/runs`, { method: 'POST', body: new URLSearchParams({ message }) });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = '', part; !(part = await reader.read()).done;) {
    const frames = (text + part.value).split('\n\n'); // a frame may come in pieces
    text = frames.pop();
    for (const [, data] of frames.join('\n').matchAll(/^data: (.*)$/gm)) onEvent(JSON.parse(data));
  }
}
