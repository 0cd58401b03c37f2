/** What came back: the status, and the body if there was one. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** What is sent with a request. */
export interface JsonCall {
  /** Sent as JSON; a text is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a request whose body, if it has one, is JSON, as the protocol's clients do. */
export async function callJson(
  url: string,
  method: string,
  path: string,
  { body, headers = {} }: JsonCall = {},
): Promise<Reply> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await readBody(response);
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

/** Reads an answer to its end. `GET /hooks/changes` has none: of its stream only the head is read. */
export async function readBody(response: Response): Promise<string> {
  const isEndless =
    /\/hooks\/changes\/?$/.test(new URL(response.url).pathname) &&
    response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (!isEndless) return response.text();
  await response.body?.cancel();
  return '';
}
