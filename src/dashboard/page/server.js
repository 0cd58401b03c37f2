/** Requests to the server that this page comes from. */

/** The address that the paths of the protocol are relative to. */
const ROOT = new URL('.', location.href);
const KEY = 'agent-os-key';

/** The security key of this tab. */
export const securityKey = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (key) => sessionStorage.setItem(KEY, key),
  forget: () => sessionStorage.removeItem(KEY),
};

/** An answer that is no success. */
export class RequestError extends Error {
  constructor(status, message) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
  }

  /** The server wants a key, or another one. */
  get needsKey() {
    return this.status === 401 || this.status === 403;
  }
}

/**
 * Sends a request.
 *
 * @param {string} path such as `hooks/stats`, with its query
 * @param {{ method?: string, body?: object | FormData, signal?: AbortSignal }} [options]
 * @returns {Promise<Response>} of a success
 */
async function request(path, { method = 'GET', body, signal } = {}) {
  const headers = {};
  const key = securityKey.get();
  if (key !== '') headers.Authorization = `Bearer ${key}`;
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers['Content-Type'] = 'application/json';
  const response = await fetch(new URL(path, ROOT), {
    method,
    headers,
    body: isForm || body === undefined ? body : JSON.stringify(body),
    signal,
  });
  if (response.ok) return response;
  throw new RequestError(response.status, await problemOf(response));
}

/** The JSON of an answer; undefined if it has no body. */
export async function call(path, options) {
  const response = await request(path, options);
  return response.status === 204 ? undefined : response.json();
}

/** Reads a stream of events until its end, and passes each event on. */
export async function readEvents(path, options, onEvent) {
  const response = await request(path, options);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const frames = (text + value).split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const data = frame.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) onEvent(JSON.parse(data.slice('data: '.length)));
    }
  }
}

async function problemOf(response) {
  const text = await response.text();
  try {
    const { detail } = JSON.parse(text);
    return typeof detail === 'string' ? detail : JSON.stringify(detail);
  } catch {
    return `${response.status} ${response.statusText}`.trim();
  }
}
