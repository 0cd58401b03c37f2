import { Agent, request } from 'node:http';
import { connect } from 'node:net';

const PATHS = ['/agents/agent', '/teams/team', '/workflows/workflow'];
const INPUTS = ['hi', 'hi', 'hi', 'fail', 'never', 'long'];

/** Clients that ask one thing after another, some of them badly behaved. */
export class Load {
  counts = { asked: 0, answered: 0, refused: 0, left: 0, cancelled: 0, lost: 0 };
  #port;
  #isOver = false;
  #signalledAt = Infinity;
  #sockets = [];
  #clients;

  constructor(port, clients) {
    this.#port = port;
    this.#clients = Array.from({ length: clients }, (_, index) => this.#client(index));
  }

  /** Connections that send nothing, or half a request, or never read. */
  openBadConnections(number) {
    const body = 'message=long&stream=true';
    const head = `POST /agents/agent/runs HTTP/1.1\r\nHost: soak\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
    const texts = [
      '',
      'POST /agents/agent/runs HTTP/1.1\r\nHost: so',
      `${head}Content-Length: ${body.length}\r\n\r\n${body}`,
    ];
    for (let index = 0; index < number; index++) {
      const socket = connect(this.#port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.pause();
      socket.write(texts[index % texts.length]);
      this.#sockets.push(socket);
    }
  }

  closeBadConnections() {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  /** The server has been told to end: requests that it does not accept from here on are refused, not lost. */
  markSignal() {
    this.#signalledAt = performance.now();
  }

  async stop() {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #client(seed) {
    const agent = new Agent({ keepAlive: seed % 2 === 0 });
    for (let turn = seed; !this.#isOver; turn++) {
      await this.#ask(turn, agent);
      if (this.#signalledAt < performance.now() - 500) break;
    }
    agent.destroy();
  }

  #ask(turn, agent) {
    const fields = new URLSearchParams({
      message: INPUTS[turn % INPUTS.length],
      stream: String(turn % 2 === 0),
      ...(turn % 7 === 0 ? { background: 'true' } : {}),
      ...(turn % 3 === 0 ? { session_id: `session-${turn % 40}` } : {}),
    }).toString();
    const { counts } = this;
    counts.asked += 1;
    return new Promise((resolve) => {
      let hasLeft = false;
      let text = '';
      const end = (how) => {
        counts[how] += 1;
        resolve();
      };
      const fail = () => {
        if (hasLeft) return end('left');
        const isLate = performance.now() > this.#signalledAt - 50;
        return end(text === '' && isLate ? 'refused' : 'lost');
      };
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': fields.length,
      };
      const path = `${PATHS[turn % PATHS.length]}/runs`;
      const call = request(
        { port: this.#port, host: '127.0.0.1', method: 'POST', path, headers, agent },
        (reply) => {
          reply.setEncoding('utf8');
          reply.on('data', (piece) => {
            text += piece.slice(0, 2_000);
            if (turn % 11 === 0) this.#cancel(path, text);
          });
          reply.on('error', () => undefined);
          reply.on('close', () => (reply.complete ? end('answered') : fail()));
        },
      );
      call.on('error', () => {
        if (!call.res) fail();
      });
      call.end(fields);
      if (turn % 13 !== 0) return;
      setTimeout(() => {
        hasLeft = true;
        call.destroy();
      }, 15);
    });
  }

  #cancel(path, text) {
    const runId = /"run_id":"([^"]+)"/.exec(text)?.[1];
    if (runId === undefined || Math.random() > 0.3) return;
    this.counts.cancelled += 1;
    const call = request({
      port: this.#port,
      host: '127.0.0.1',
      method: 'POST',
      path: `${path}/${runId}/cancel`,
    });
    call.on('error', () => undefined);
    call.on('response', (reply) => reply.resume());
    call.end();
  }
}
