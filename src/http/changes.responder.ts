import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import { currentScope } from '../runs/scope.js';
import type { SessionOwner } from '../sessions/session.store.js';
import { ChangeStream } from './change.stream.js';
import { EventStreamOpener } from './runs/event-stream.opener.js';

/** Answers with streams of the changes of runs and hook executions in this process. */
@Injectable()
export class ChangesResponder implements BeforeApplicationShutdown {
  readonly #open = new Set<ChangeStream>();
  #isShuttingDown = false;

  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly streams: EventStreamOpener,
  ) {}

  /** Shutdown waits for connections, and these streams have no end of their own. */
  beforeApplicationShutdown(): void {
    this.#isShuttingDown = true;
    for (const stream of this.#open) stream.end();
    this.#open.clear();
  }

  /**
   * Answers with a stream that ends when the client leaves or the application shuts down.
   *
   * @param owner - the user whose runs the client may see; undefined for all
   */
  reply(response: object, owner: SessionOwner | undefined): void {
    const { inFlight, index, executions } = this.runtime;
    const sources = { runs: [inFlight.started, index.changes], executions: executions.changes };
    const stream = new ChangeStream(this.streams.open(response), sources, owner);
    // A connection that is still open may bring another request.
    if (this.#isShuttingDown) return stream.end();
    this.#open.add(stream);
    currentScope().response?.onClosed(() => {
      this.#open.delete(stream);
      stream.end();
    });
  }
}
