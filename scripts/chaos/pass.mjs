import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { judge, toHistory } from './checks.mjs';
import { Clients } from './clients.mjs';
import { ManagedProcess } from './managed-process.mjs';
import { FAULTS, HOOKS, LOCK_DURATION } from './plan.mjs';
import { Record, readRecord } from './record.mjs';

/** Milliseconds that hooks get to come to their end when nothing disturbs them any longer. */
const QUIET = 60_000;

/** A server and two workers on a store, disturbed for a while. */
export async function runCluster(store, { random, seconds, rounds, clients, onUnavailable }) {
  const pass = new Pass({ store: { kind: store.kind, url: store.url }, queue: onUnavailable, onUnavailable });
  const server = pass.process('server');
  const workers = [pass.process('worker', 'one'), pass.process('worker', 'two')];
  const anyProcess = () => random.pick([server, ...workers]);
  await pass.start();
  pass.clients = new Clients(clients, pass.record, () => pass.portOf(server));
  const disturbances = {
    'server: kill -9': () => pass.kill(server),
    'worker: kill -9': () => pass.kill(random.pick(workers)),
    'SIGSTOP longer than the lock': () =>
      pass.standStill(anyProcess(), LOCK_DURATION * random.between(1.3, 1.8)),
    SIGTERM: () => pass.end(anyProcess()),
    'store: restart': () => pass.disturbStore(() => store.restart()),
    'store: connections cut': () => pass.disturbStore(() => store.cut()),
  };
  const faults = Array.from({ length: rounds }, () => random.shuffled(FAULTS)).flat();
  for (const fault of faults) {
    await pause(random.between(0.5, 1.5) * ((seconds * 1_000) / faults.length));
    pass.count(fault);
    await disturbances[fault]();
  }
  await pass.clients.stop();
  return pass.finish(server);
}

/** One process on a folder, killed again and again, also during its first start. */
export async function runFolder({ random, starts, clients }) {
  const parent = mkdtempSync(join(tmpdir(), 'agent-os-chaos-folder-'));
  const pass = new Pass({ store: { kind: 'folder', folder: join(parent, 'data') }, onUnavailable: 'fail' });
  const both = pass.process('both');
  pass.clients = new Clients(clients, pass.record, () => pass.portOf(both));
  let hasStarted = false;
  try {
    for (let start = 0; start < starts; start++) {
      const ready = both.start();
      // The first start is killed while it makes the database, and every fifth one before it is ready.
      const isEarly = start % 5 === 0;
      if (isEarly) await Promise.race([ready, pause(random.between(300, start === 0 ? 2_000 : 6_000))]);
      else if ((await pass.untilReady(both)) !== undefined) await pause(random.between(500, 8_000));
      const moment = both.isReady ? 'while it ran' : hasStarted ? 'during a start' : 'during the first start';
      hasStarted ||= both.isReady;
      pass.count(`kill -9 ${moment}`);
      await both.kill();
    }
    await pass.clients.stop();
    both.start();
    return await pass.finish(both);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

class Pass {
  clients;
  #settings;
  #folder = mkdtempSync(join(tmpdir(), 'agent-os-chaos-'));
  #processes = [];
  #ports = new Map();
  #faults = {};
  #startedAt = Date.now();
  record = new Record(join(this.#folder, 'record'));

  constructor(settings) {
    this.#settings = { ...settings, recordFile: join(this.#folder, 'record') };
  }

  process(role, label = role) {
    const managed = new ManagedProcess(role, label, this.#settings, this.record);
    this.#processes.push(managed);
    return managed;
  }

  async start() {
    await Promise.all(this.#processes.map((managed) => this.restart(managed)));
  }

  async restart(managed) {
    void managed.start();
    await this.untilReady(managed);
  }

  /** A start while the store is away ends; then it is started again. */
  async untilReady(managed) {
    for (let tries = 0; tries < 5; tries++) {
      const port = await managed.ready;
      if (port !== undefined) {
        this.#ports.set(managed, { name: managed.name, port });
        return port;
      }
      await pause(200);
      void managed.start();
    }
    throw new Error(`${managed.name} does not start:\n${managed.log.slice(-4_000)}`);
  }

  portOf(managed) {
    const known = this.#ports.get(managed);
    return known?.name === managed.name && managed.isRunning ? known.port : undefined;
  }

  count(fault) {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
  }

  async kill(managed) {
    await managed.kill();
    await this.restart(managed);
  }

  /** SIGTERM: the process is to end by itself. */
  async end(managed) {
    await managed.end();
    await this.restart(managed);
  }

  async standStill(managed, milliseconds) {
    managed.stop();
    await pause(milliseconds);
    managed.continue();
  }

  /** The store may be away for a moment longer than the call takes: connections come back after it. */
  async disturbStore(call) {
    const from = Date.now();
    await call();
    this.record.add({ kind: 'store-away', from, to: Date.now() + 1_000 });
  }

  /** Waits until nothing is open, and judges. */
  async finish(reader) {
    for (const managed of this.#processes) if (!managed.isRunning) void managed.start();
    for (const managed of this.#processes) await this.untilReady(managed);
    const deadline = Date.now() + QUIET;
    let ledger = [];
    for (;;) {
      ledger = (await reader.executions()) ?? ledger;
      const isQuiet = ledger.length > 0 && ledger.every(({ endedAt }) => endedAt !== undefined);
      if (isQuiet || Date.now() > deadline) break;
      await pause(300);
    }
    const unclean = [];
    for (const managed of this.#processes)
      if (!(await managed.end())) unclean.push(`shutdown: ${managed.name} did not end on SIGTERM`);
    this.record.close();
    const entries = readRecord(join(this.#folder, 'record'));
    const { violations, counts } = judge(
      toHistory({ entries, hooks: HOOKS, ledger, lockDuration: LOCK_DURATION }),
    );
    if (counts.answered === 0) violations.push('nothing was answered');
    const isSound = violations.length + unclean.length === 0;
    if (!isSound) writeFileSync(join(this.#folder, 'ledger'), JSON.stringify(ledger));
    if (isSound) rmSync(this.#folder, { recursive: true, force: true });
    const { asked, refused, unanswered } = this.clients.counts;
    return {
      violations: [...violations, ...unclean],
      ...(isSound ? {} : { folder: this.#folder, log: this.#processes.map(({ log }) => log).join('') }),
      counts: {
        asked,
        refused,
        unanswered,
        ...counts,
        seconds: Math.round((Date.now() - this.#startedAt) / 1_000),
      },
      faults: this.#faults,
    };
  }
}
