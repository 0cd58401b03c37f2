/* global TextDecoderStream */

/** Runs an agent and calls `onEvent` for each event of its run. The guide shows it: it has to be plain JavaScript. */
export async function askAgent(url, message, onEvent) {
  const response = await fetch(`${url}/runs`, { method: 'POST', body: new URLSearchParams({ message }) });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = '', part; !(part = await reader.read()).done;) {
    const frames = (text + part.value).split('\n\n'); // a chunk may end inside a frame
    text = frames.pop();
    for (const [, data] of frames.join('\n').matchAll(/^data: (.*)$/gm)) onEvent(JSON.parse(data));
  }
}
