import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a hook of another process says when it runs. */
export interface HookReport {
  readonly process: string;
  readonly run: string;
  readonly hook: string;
  readonly executionId: string;
  readonly attempt: number;
}

/** Takes the reports of hooks in other processes, in the order in which they begin. A hook ends when its report is answered. */
export class HookReports {
  readonly #server: Server;
  readonly #all: HookReport[] = [];
  readonly #open = new Map<string, string>();
  readonly #overlaps: string[] = [];
  /** By the names of hooks: how many run now, and how many have run at once. */
  readonly #running = new Map<string, number>();
  readonly #mostAtOnce = new Map<string, number>();
  readonly #failing = new Set<string>();
  /** Resolve when the hooks with these names may end. */
  readonly #held = new Map<string, Promise<void>>();
  readonly #watchers = new Set<() => void>();

  private constructor() {
    this.#server = createServer((request, response) => {
      // A process that ends closes its connections.
      const left = once(response, 'close');
      void this.#take(request, left).then((status) => response.writeHead(status).end());
    });
  }

  static async open(): Promise<HookReports> {
    const reports = new HookReports();
    reports.#server.listen(0, '127.0.0.1');
    await once(reports.#server, 'listening');
    return reports;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get all(): readonly HookReport[] {
    return this.#all;
  }

  /** Hooks that began while another one of their run was running. */
  get overlaps(): readonly string[] {
    return this.#overlaps;
  }

  /** How many executions of the hook with this name have run at the same time, of whichever runs and in whichever processes. */
  mostAtOnce(hook: string): number {
    return this.#mostAtOnce.get(hook) ?? 0;
  }

  /** The first attempt of the hook with this name fails, in every run. */
  fail(hook: string): void {
    this.#failing.add(hook);
  }

  /** Hooks with this name do not end from now on. @returns lets them end */
  hold(hook: string): () => void {
    let end: () => void = () => undefined;
    this.#held.set(hook, new Promise((resolve) => (end = resolve)));
    return () => {
      this.#held.delete(hook);
      end();
    };
  }

  /** Resolves when so many reports match. */
  async until(count: number, matches: (report: HookReport) => boolean = () => true): Promise<void> {
    while (this.#all.filter(matches).length < count)
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #take(request: IncomingMessage, left: Promise<unknown>): Promise<number> {
    const report = JSON.parse(await text(request)) as HookReport;
    const { run, hook, attempt } = report;
    const other = this.#open.get(run);
    if (other !== undefined) this.#overlaps.push(`${hook} of run ${run} beside ${other}`);
    this.#open.set(run, hook);
    this.#all.push(report);
    const running = (this.#running.get(hook) ?? 0) + 1;
    this.#running.set(hook, running);
    this.#mostAtOnce.set(hook, Math.max(running, this.mostAtOnce(hook)));
    for (const tell of this.#watchers) tell();
    this.#watchers.clear();
    // Another hook of the run would have time to begin.
    await new Promise(setImmediate);
    await Promise.race([this.#held.get(hook), left]);
    this.#open.delete(run);
    this.#running.set(hook, (this.#running.get(hook) ?? 1) - 1);
    return this.#failing.has(hook) && attempt === 1 ? 500 : 200;
  }
}
