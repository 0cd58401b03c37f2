import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import type { INestApplication } from '@nestjs/common';

import { createGate } from 'nestjs-agentos/testing';

/** The server's next answer, with its last byte held back as compression or a slow disk would. */
export interface HeldAnswer {
  /** Opens when the application has given all it has to give. */
  readonly complete: Promise<void>;
  release(): void;
}

/**
 * Holds the end of the next answer back, on any adapter.
 *
 * @param onFinish - called when the answer has left
 */
export function holdNextAnswer(app: INestApplication, onFinish: () => void): HeldAnswer {
  const complete = createGate();
  const released = createGate();
  const server = app.getHttpServer() as Server;
  server.prependOnceListener('request', (_request: IncomingMessage, response: ServerResponse) => {
    response.once('finish', onFinish);
    const end = response.end.bind(response) as (...data: unknown[]) => ServerResponse;
    response.end = (...data: unknown[]): ServerResponse => {
      complete.open();
      void released.opened.then(() => end(...data));
      return response;
    };
  });
  return { complete: complete.opened, release: released.open };
}
