import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from '@jest/globals';
import { blockEventLoop, createGate, startProcess } from 'nestjs-agentos/testing';

describe('createGate()', () => {
  it('makes a promise that the test resolves', async () => {
    const gate = createGate();
    const steps: string[] = [];
    const waiting = gate.opened.then(() => steps.push('through'));
    await new Promise((resolve) => setImmediate(resolve));
    steps.push('open');
    gate.open();
    await waiting;

    expect(steps).toEqual(['open', 'through']);
    await gate.opened;
  });
});

describe('blockEventLoop()', () => {
  it('blocks all other code until its time is over', async () => {
    let hasRun = false;
    setImmediate(() => (hasRun = true));
    const from = performance.now();

    expect(blockEventLoop(20)).toBe(true);

    expect([hasRun, performance.now() - from >= 20]).toEqual([false, true]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasRun).toBe(true);
  });

  it('ends as soon as its condition holds, and returns whether it did', () => {
    let asked = 0;

    expect(blockEventLoop(60_000, { until: () => ++asked === 3 })).toBe(true);
    expect(asked).toBe(3);
    expect(blockEventLoop(1, { until: () => false })).toBe(false);
  });

  it.each([-1, NaN, 60_001, '5 ms'])('refuses %p milliseconds', (milliseconds) => {
    expect(() => blockEventLoop(milliseconds as number)).toThrow(/expected 0 to 60000 milliseconds, got/);
  });
});

describe('startProcess()', () => {
  const folder = mkdtempSync(join(tmpdir(), 'programs-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function programOf(source: string): string {
    const file = join(folder, `${Math.random()}.mjs`);
    writeFileSync(file, source);
    return file;
  }

  const SERVER = `
    import { createServer } from 'node:http';
    process.on('SIGTERM', () => { console.log('bye'); process.exit(7); });
    const server = createServer((_, response) => response.end(process.argv[2] + process.env.WHO + process.execArgv));
    server.listen(0, '127.0.0.1', () => console.log('listening on ' + server.address().port));
  `;

  it('starts a program, waits until it is ready, and crashes it', async () => {
    const server = await startProcess(programOf(SERVER), {
      ready: /listening on (\d+)/,
      args: ['Hello '],
      env: { WHO: 'Ann ' },
      execArgv: ['--no-warnings'],
    });
    const url = `http://127.0.0.1:${server.match?.[1]}`;
    expect(await (await fetch(url, { headers: { connection: 'close' } })).text()).toBe(
      'Hello Ann --no-warnings',
    );

    expect(await server.crash()).toEqual({ code: null, signal: 'SIGKILL' });

    await expect(fetch(url)).rejects.toThrow();
    expect(server.output).not.toContain('bye');
    expect(server.pid).toEqual(expect.any(Number));
  });

  it('ends a program with a signal that it may handle, and keeps its output', async () => {
    const server = await startProcess(programOf(SERVER), { ready: /listening/ });

    expect(await server.end()).toEqual({ code: 7, signal: null });
    expect(server.output).toContain('bye');
    expect(await server.ended).toEqual({ code: 7, signal: null });
    // Nothing is left to crash.
    await server[Symbol.asyncDispose]();
  });

  it('waits for later output that arrives in several pieces', async () => {
    const program = programOf(`
      process.stdout.write('li');
      setImmediate(() => process.stderr.write('ne 1\\n'));
      setInterval(() => undefined, 1_000);
    `);
    const running = await startProcess(program);

    expect((await running.printed(/ne (\d)/g))[1]).toBe('1');
    await expect(running.printed(/line 2/, 1)).rejects.toThrow(
      /took longer than 1 ms before it printed \/line 2\//,
    );
    await running.crash();
  });

  it('watches a program with much output without a warning of Node about its listeners', async () => {
    const warned: string[] = [];
    const listener = ({ name }: Error): void => {
      if (name.startsWith('MaxListeners')) warned.push(name);
    };
    process.on('warning', listener);
    const program = programOf(`
      let line = 0;
      const print = () => console.log('line ' + ++line) ?? (line < 50 && setImmediate(print));
      print();
    `);

    const running = await startProcess(program, { ready: /line 50\n/ });

    await running.ended;
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listener);
    expect(warned).toEqual([]);
  });

  it('shows the output of a program that ends before it is ready', async () => {
    const program = programOf(`console.error('no port'); process.exitCode = 1;`);

    await expect(startProcess(program, { ready: /listening/ })).rejects.toThrow(
      /ended before it printed \/listening\/\. It printed:\nno port/,
    );
  });

  it('kills a program that is not ready in time', async () => {
    const program = programOf(`console.log(process.pid); setInterval(() => undefined, 1_000);`);
    const late = startProcess(program, { ready: /listening/, timeout: 500 });

    await expect(late).rejects.toThrow('took longer than 500 ms');
    const [, pid] = /(\d+)\n$/.exec(String(await late.catch((error: unknown) => error))) ?? [];
    if (pid !== undefined) expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
  });
});
