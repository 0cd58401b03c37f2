import { HttpAgent, verifyEvents, type Message, type RunAgentInput } from '@ag-ui/client';
import { EventSchema } from '@ag-ui/core/schemas';
import { from } from 'rxjs';

/** An event as it was sent. */
export interface SentEvent {
  readonly type: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** What a client of AG-UI has read. */
export interface AgUiAnswer {
  /** The events, as the client has read and checked them. */
  readonly events: readonly SentEvent[];
  /** The messages of the answer. */
  readonly messages: readonly Message[];
  /** The state that the client has in the end. */
  readonly state: unknown;
  /** The result of the run. */
  readonly result: unknown;
  /** The last event, if it tells that the run has failed. */
  readonly error: SentEvent | undefined;
  /** What the client has complained about: events that it does not know, say. */
  readonly warnings: readonly string[];
}

/** The options of a question. */
export interface AgUiOptions {
  readonly threadId?: string;
  readonly runId?: string;
  readonly headers?: Record<string, string>;
  readonly state?: object;
  readonly context?: RunAgentInput['context'];
  readonly forwardedProps?: object;
  /** Messages that the client already has. */
  readonly earlier?: readonly Message[];
  readonly abortController?: AbortController;
  /** Called with each event, as it comes. */
  readonly onEvent?: (event: SentEvent) => void;
}

let questions = 0;

/** A question as the client sends it. */
export function question(content: Extract<Message, { role: 'user' }>['content']): Message {
  return { id: `q${++questions}`, role: 'user', content };
}

/** Asks a component with `HttpAgent`, and reads the whole answer. */
export async function askAgUi(
  url: string,
  path: string,
  asked: string | Message,
  options: AgUiOptions = {},
): Promise<AgUiAnswer> {
  const { threadId = `thread-${++questions}`, headers = {}, state = {}, earlier = [] } = options;
  const { runId, context, forwardedProps, abortController, onEvent } = options;
  const agent = new HttpAgent({
    url: `${url}${path}/ag-ui`,
    // A connection of its own: a test that cuts it off cuts off nothing else.
    headers: { connection: 'close', ...headers },
    threadId,
    initialState: state,
    initialMessages: [...earlier, typeof asked === 'string' ? question(asked) : asked],
  });
  const events: SentEvent[] = [];
  const warnings: string[] = [];
  const { warn } = console;
  console.warn = (...parts: unknown[]) => void warnings.push(parts.join(' '));
  try {
    const { result, newMessages } = await agent.runAgent(
      {
        ...(runId === undefined ? {} : { runId }),
        ...(context ? { context } : {}),
        ...(forwardedProps ? { forwardedProps } : {}),
        ...(abortController ? { abortController } : {}),
      },
      {
        onEvent: ({ event }: { event: SentEvent }) => {
          events.push(structuredClone(event));
          onEvent?.(event);
        },
      },
    );
    const last = events.at(-1);
    const error = last?.type === 'RUN_ERROR' ? last : undefined;
    return { events, messages: newMessages, state: agent.state, result, error, warnings };
  } finally {
    console.warn = warn;
  }
}

/**
 * Checks that events are a sequence of AG-UI: each is of the schema, and they are in an order that the client accepts.
 *
 * @throws the error of the client
 */
export async function checkAgUi(events: readonly unknown[]): Promise<void> {
  for (const event of events) EventSchema.parse(event);
  const verify = verifyEvents();
  // The client has a copy of rxjs of its own.
  const source = from(events) as unknown as Parameters<typeof verify>[0];
  await new Promise<void>((resolve, reject) => {
    verify(source).subscribe({ error: reject, complete: resolve });
  });
}
