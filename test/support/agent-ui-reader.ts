/** What the chat page shows. */
export interface ChatView {
  sessionId?: string;
  createdAt?: number;
  content: string;
  error?: string;
  /** By id, with the result of those that have one. */
  readonly toolCalls: Map<string, { readonly name: unknown; readonly result: unknown }>;
}

type Payload = Record<string, unknown>;

/**
 * Reads a stream as the chat page agent-ui does: it knows nothing of server-sent events, but looks for `{…}` with as
 * many closing braces as opening ones, wherever the chunks of the body end, and makes a view of what stands in them.
 */
export class AgentUiReader {
  readonly view: ChatView = { content: '', toolCalls: new Map() };
  /** Payloads that the page would not understand. */
  readonly misunderstood: unknown[] = [];
  #buffer = '';
  #latestPiece = '';

  /** Takes a part of the body. */
  push(chunk: string): void {
    this.#buffer += chunk;
    for (let found = findObject(this.#buffer); found; found = findObject(this.#buffer)) {
      this.#buffer = this.#buffer.slice(found.end);
      this.#take(JSON.parse(found.text) as Payload);
    }
  }

  #take(payload: Payload): void {
    const isPlain = typeof payload['event'] === 'string' && !('data' in payload);
    // An older protocol wraps its payloads.
    const event = isPlain ? payload : { ...(payload['data'] as Payload), event: payload['event'] };
    if (!isPlain) this.misunderstood.push(payload);
    this.#show(String(event['event']), event);
  }

  #show(name: string, event: Payload): void {
    switch (name.replace(/^Team/, '')) {
      case 'RunStarted':
        this.view.sessionId = event['session_id'] as string;
        this.view.createdAt = event['created_at'] as number;
        return;
      case 'RunContent':
        return this.#append(event['content']);
      case 'ToolCallStarted':
      case 'ToolCallCompleted':
        return this.#showTool(event['tool'] as Payload);
      case 'RunCompleted':
        this.#latestPiece = '';
        this.view.content = textOf(event['content']);
        return;
      case 'RunError':
        this.view.error = textOf(event['content']);
        return;
      case 'RunCancelled':
        if (name.startsWith('Team')) this.view.error = textOf(event['content']);
    }
  }

  /** The page takes away what it knows of the piece, since an older protocol sent all that was said so far. */
  #append(content: unknown): void {
    if (typeof content !== 'string') {
      this.misunderstood.push(content);
      return;
    }
    this.view.content += content.replace(this.#latestPiece, '');
    this.#latestPiece = content;
  }

  #showTool({ tool_call_id: id, tool_name: name, result }: Payload): void {
    this.view.toolCalls.set(String(id), { name, result });
  }
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content);
}

/** The first whole object in a text, and where it ends. */
function findObject(text: string): { readonly text: string; readonly end: number } | undefined {
  const start = text.indexOf('{');
  let depth = 0;
  let isText = false;
  for (let at = start; start >= 0 && at < text.length; at++) {
    const character = text[at];
    if (isText && character === '\\') at += 1;
    else if (character === '"') isText = !isText;
    else if (!isText && character === '{') depth += 1;
    else if (!isText && character === '}' && --depth === 0)
      return { text: text.slice(start, at + 1), end: at + 1 };
  }
  return undefined;
}
