import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** Clients that start one run after another. The record has the answers. */
export class Clients {
  counts = { asked: 0, answered: 0, refused: 0, unanswered: 0 };
  #record;
  #portOf;
  #isOver = false;
  #clients;

  /** @param portOf - the port of the server, or undefined while there is none */
  constructor(number, record, portOf) {
    this.#record = record;
    this.#portOf = portOf;
    this.#clients = Array.from({ length: number }, (_, index) => this.#work(index));
  }

  async stop() {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #work(index) {
    for (let turn = index; !this.#isOver; turn++) {
      const port = this.#portOf();
      if (port === undefined) {
        await pause(50);
        continue;
      }
      this.counts.asked += 1;
      const { status, text } = await ask(port, turn % 2 === 0);
      const run = /"run_id":"([^"]+)"/.exec(text)?.[1];
      // A stream that was cut, or one that ends in an error, is no answer.
      const isWhole = status === 200 && (turn % 2 === 0 ? text.includes('RunCompleted') : true);
      if (isWhole && run !== undefined) {
        this.counts.answered += 1;
        this.#record.add({ kind: 'answered', run });
      } else if (status === undefined) {
        this.counts.unanswered += 1;
        await pause(50);
      } else {
        this.counts.refused += 1;
        await pause(50);
      }
      await pause(20 + (turn % 5) * 10);
    }
  }
}

/** @returns the status and the text of an answer that came to its end; neither if it did not */
function ask(port, isStream) {
  const body = `message=hello&stream=${isStream}`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length };
  return new Promise((resolve) => {
    const call = request(
      { port, host: '127.0.0.1', method: 'POST', path: '/agents/chaos/runs', headers, agent: false },
      (reply) => {
        let text = '';
        reply.setEncoding('utf8');
        reply.on('data', (piece) => (text += piece));
        reply.on('error', () => undefined);
        reply.on('close', () => resolve(reply.complete ? { status: reply.statusCode, text } : { text: '' }));
      },
    );
    call.setTimeout(15_000, () => call.destroy());
    call.on('error', () => resolve({ text: '' }));
    call.end(body);
  });
}
