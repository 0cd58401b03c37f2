import { parseFrames, post } from './http-client.js';
import { ADAPTERS, type Adapter } from './test-app.js';

/** The ways in which a run is answered. */
export const TRANSPORTS = ['json', 'sse'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export interface Surface {
  readonly adapter: Adapter;
  readonly transport: Transport;
}

/** Every adapter with every transport, for `describe.each`. */
export const SURFACES: readonly Surface[] = ADAPTERS.flatMap((adapter) =>
  TRANSPORTS.map((transport) => ({ adapter, transport })),
);

/**
 * Each adapter once and each transport once, for what runs, hooks and stores decide: such a behaviour does not depend on the
 * adapter, and what HTTP makes of it is proven on all of {@link SURFACES} and on both adapters elsewhere.
 */
export const DOMAIN_SURFACES: readonly Surface[] = [
  { adapter: 'express', transport: 'json' },
  { adapter: 'fastify', transport: 'sse' },
];

/** What came back, whichever way it came. */
export interface Answer {
  readonly status: number;
  /** The whole body as it was sent: what must not be seen must not be in here. */
  readonly text: string;
  /** The JSON body, or the data of the stream's last event. */
  readonly body: Record<string, unknown>;
}

/** Runs a component and reads the whole answer. */
export async function ask(
  url: string,
  path: string,
  message: string,
  transport: Transport,
  fields: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await post(url, path, { message, stream: String(transport === 'sse'), ...fields });
  const text = await response.text();
  const body = transport === 'json' ? (JSON.parse(text) as Answer['body']) : parseFrames(text).at(-1)?.data;
  return { status: response.status, text, body: body ?? {} };
}
