import { Readable } from 'node:stream';

import { Controller, Get, Res, Sse, StreamableFile, type MessageEvent } from '@nestjs/common';
import { AgentOsService } from 'nestjs-agentos';
import { defer, from, map, type Observable } from 'rxjs';

/** A user's own controller, which asks the agent `writer` and answers in every way that Nest knows. */
@Controller('ask')
export class AskController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Get('value')
  async value(): Promise<string> {
    const { content } = await this.agentOs.run('writer', 'hello');
    return content;
  }

  @Get('response')
  async response(@Res() response: { send(body: string): void }): Promise<void> {
    const { content } = await this.agentOs.run('writer', 'hello');
    response.send(content);
  }

  /** Cold: the run starts when Nest subscribes. */
  @Get('observable')
  observable(): Observable<string> {
    return defer(() => this.agentOs.run('writer', 'hello')).pipe(map(({ content }) => content));
  }

  @Get('file')
  async file(): Promise<StreamableFile> {
    const { content } = await this.agentOs.run('writer', 'hello');
    return new StreamableFile(Buffer.from(content));
  }

  @Get('file-of-events')
  fileOfEvents(): StreamableFile {
    return new StreamableFile(Readable.from(linesOf(this.agentOs.stream('writer', 'hello'))));
  }

  @Sse('sse')
  sse(): Observable<MessageEvent> {
    return from(this.agentOs.stream('writer', 'hello')).pipe(map((event) => ({ data: event })));
  }

  /** Cold: the stream is asked for when Nest subscribes. */
  @Sse('cold-sse')
  coldSse(): Observable<MessageEvent> {
    return defer(() => this.agentOs.stream('writer', 'hello')).pipe(map((event) => ({ data: event })));
  }
}

/** A request, in the form in which a client in another process takes it: a body makes it a POST. */
export interface AnswerRequest {
  readonly answer: string;
  readonly path: string;
  readonly body?: string;
}

/** Every way in which the agent `writer` answers over HTTP: the routes of AgentOS, then those of a user. */
export const ANSWERS: readonly AnswerRequest[] = [
  { answer: 'JSON of AgentOS', path: '/agents/writer/runs', body: 'message=hello&stream=false' },
  { answer: 'events of AgentOS', path: '/agents/writer/runs', body: 'message=hello&stream=true' },
  { answer: 'a returned value', path: '/ask/value' },
  { answer: '@Res()', path: '/ask/response' },
  { answer: 'a cold observable', path: '/ask/observable' },
  { answer: 'a StreamableFile', path: '/ask/file' },
  { answer: 'a StreamableFile of events', path: '/ask/file-of-events' },
  { answer: '@Sse()', path: '/ask/sse' },
  { answer: 'a cold @Sse()', path: '/ask/cold-sse' },
];

async function* linesOf(events: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`;
}
