import { describe, expect, it } from '@jest/globals';

import { FAILING_HOOKS } from '../support/failing-hooks.js';
import { runJson } from '../support/http-client.js';
import { ServerProcess } from '../support/server-process.js';

describe('A process with default settings', () => {
  it('G13: a process survives hooks that fail in every way', async () => {
    await using server = await ServerProcess.start('hook-server.js');

    const first = await runJson(server.url, '/agents/faulty', 'hello');
    const second = await runJson(server.url, '/agents/faulty', 'hello');
    const end = await server.process.end('SIGTERM');

    expect([first.body.content, second.body.content]).toEqual(['the answer', 'the answer']);
    expect(server.process.output.match(/The background post-hook .* failed: /g)).toHaveLength(
      2 * Object.keys(FAILING_HOOKS).length,
    );
    expect(end).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('G18: a process waits for background hooks when it gets a signal to end', async () => {
    await using server = await ServerProcess.start('hook-server.js');

    await runJson(server.url, '/agents/slow', 'hello');
    const end = await server.process.end('SIGTERM');

    expect(server.process.output).toContain('slow hook done');
    expect(end).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('G18: a process stays alive until it has reported the hooks that it could not wait for', async () => {
    await using server = await ServerProcess.start('hook-server.js');

    const { body } = await runJson(server.url, '/agents/stuck', 'hello');
    const end = await server.process.end('SIGTERM');

    expect(server.process.output).toContain(
      `these background hooks did not finish: "stuck" of run ${String(body.run_id)}, ` +
        `"next" of run ${String(body.run_id)}.`,
    );
    expect(end).toEqual({ code: null, signal: 'SIGTERM' });
  });
});
