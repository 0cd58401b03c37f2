import { ChildProcess } from '../child-process.mjs';
import { stopServers } from '../servers.mjs';
import { round, summarize } from '../statistics.mjs';
import { inTurns } from '../turns.mjs';
import { startSubject, subjectsFor } from './subjects.mjs';

/** How long a server gets to answer once and to end its hooks. */
const DEADLINE = 60_000;
const LOOK_EVERY = 60;

/**
 * One configuration, measured on the servers of all subjects, which take turns. A subject that fails is measured no further at
 * this point, and named with the reason; the others go on.
 */
export class Point {
  #load;
  /** What is measured: subjects, or the servers of them that have been started. */
  #subjects;
  #metrics = {};
  #failures = {};

  constructor(configuration, installed) {
    this.#subjects = subjectsFor(configuration, installed);
  }

  /** Starts the load generator, and the servers of all subjects. */
  async start(configuration, installed) {
    this.#load = await ChildProcess.start('load/main.mjs');
    const servers = [];
    await this.each(async (subject) => {
      servers.push(await startSubject(subject, configuration, installed));
    });
    this.#subjects = servers;
  }

  /** Lets the load generator send something to a server: `options.load` says what. */
  load(server, request, options) {
    return this.#load.ask({ ...server.requests[request], ...options });
  }

  /** Does something with each server, one after another. */
  async each(action) {
    for (const server of this.#going()) await this.#attempt(server, () => action(server));
  }

  /** Reads metrics of each server in turns, so many times, and keeps a summary of each metric. */
  async read(readings, read) {
    const taken = await inTurns(this.#going(), readings, (server) =>
      this.#attempt(server, () => read(server)),
    );
    for (const [variant, values] of Object.entries(taken))
      if (!(variant in this.#failures)) this.keep(variant, summarizeEach(values));
  }

  keep(variant, metrics) {
    this.#metrics[variant] ??= {};
    for (const [name, summary] of Object.entries(metrics)) this.#metrics[variant][name] = roundEach(summary);
  }

  /** The lowest median of a metric: what the slowest subject does. */
  lowest(metric) {
    return Math.min(...this.#going().map(({ variant }) => this.#metrics[variant][metric].median));
  }

  /** Stops the servers and the load generator. Returns the metrics of each subject, and the reasons of those that failed. */
  async end() {
    if (this.#load) {
      await stopServers(this.#subjects);
      await this.#load.stop();
    }
    return { metrics: this.#metrics, failures: this.#failures };
  }

  #going() {
    return this.#subjects.filter(({ variant }) => !(variant in this.#failures));
  }

  async #attempt({ variant }, action) {
    if (variant in this.#failures) return undefined;
    try {
      return await action();
    } catch (error) {
      this.#failures[variant] = error.message;
      delete this.#metrics[variant];
      return undefined;
    }
  }
}

/** Resolves with the state of a server when none of its hooks has ended for a moment; at least so many have. */
export async function whenHooksHaveEnded(server, expected) {
  const deadline = performance.now() + DEADLINE;
  let state = await server.process.ask('state');
  if (server.configuration.hookCount === 0) return state;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    const next = await server.process.ask('state');
    if (next.endedHooks >= expected && next.endedHooks === state.endedHooks) return next;
    if (performance.now() > deadline)
      throw new Error(`${next.endedHooks} hooks have ended; expected ${expected}.`);
    state = next;
  }
}

function summarizeEach(readings) {
  const names = Object.keys(readings[0]);
  return Object.fromEntries(names.map((name) => [name, summarize(readings.map((reading) => reading[name]))]));
}

function roundEach(summary) {
  return Object.fromEntries(Object.entries(summary).map(([key, value]) => [key, round(value)]));
}
