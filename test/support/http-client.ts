/** A run request, as an HTTP client sends it. */
export interface RunCall {
  readonly path?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** One frame of an event stream. */
export interface Frame {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Runs a component and reads the whole JSON answer. */
export async function runJson(
  url: string,
  path: string,
  message: string,
  fields: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<JsonAnswer> {
  const response = await post(url, path, { message, stream: 'false', ...fields }, undefined, headers);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Runs a component and reads the whole event stream. */
export async function runSse(
  url: string,
  path: string,
  message: string,
  fields: Record<string, string> = {},
): Promise<Frame[]> {
  const response = await post(url, path, { message, stream: 'true', ...fields });
  return parseFrames(await response.text());
}

/** Sends a run request, urlencoded, and leaves the body to the caller. */
export function post(
  url: string,
  path: string,
  fields: Record<string, string>,
  signal?: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}${path}/runs`, {
    method: 'POST',
    body: new URLSearchParams(fields),
    // A connection of its own: a test that cuts it off cuts off nothing else.
    headers: { connection: 'close', ...headers },
    ...(signal ? { signal } : {}),
  });
}

/** What may be sent: a multipart form, an urlencoded one, or the text of JSON. */
export type RunBody = FormData | URLSearchParams | string;

/** Sends a run request with this very body, and leaves the answer to the caller. */
export function postBody(url: string, path: string, body: RunBody): Promise<Response> {
  const headers = new Headers(typeof body === 'string' ? { 'content-type': 'application/json' } : {});
  return fetch(`${url}${path}/runs`, { method: 'POST', body, headers });
}

/** A multipart form of texts. */
export function multipartOf(fields: Readonly<Record<string, string>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

export function parseFrames(text: string): Frame[] {
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('event: '))
    .map((frame) => {
      const [eventLine = '', dataLine = ''] = frame.split('\n');
      const data = JSON.parse(dataLine.slice('data: '.length)) as Record<string, unknown>;
      return { event: eventLine.slice('event: '.length), data };
    });
}

/** The names of the events, in order. */
export function namesOf(frames: readonly Frame[]): string[] {
  return frames.map(({ event }) => event);
}
