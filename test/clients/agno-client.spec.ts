import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, agentAsJudge } from 'nestjs-agentos';

import { runJson } from '../support/http-client.js';
import { mockLab } from '../support/mock-lab.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

/** A Python in which scripts/install-agno-client.sh has installed agno. */
const PYTHON = process.env['AGNO_PYTHON'];
const SCRIPT = join(import.meta.dirname, 'agno_client.py');
const KEY = 'the key';

const checks = [...readFileSync(SCRIPT, 'utf8').matchAll(/^@check\nasync def (\w+)/gm)].map(
  ([, name = '']) => name,
);

if (PYTHON !== undefined || process.env['CI'] !== undefined) {
  describe.each(ADAPTERS)("agno's own Python client, with a server on %s,", testClient);
} else {
  describe.skip("agno's own Python client (not tested: run scripts/install-agno-client.sh, and set AGNO_PYTHON)", () => {
    it('works', () => undefined);
  });
}

function testClient(adapter: (typeof ADAPTERS)[number]): void {
  const problems = new Map<string, unknown>();

  beforeAll(async () => {
    if (PYTHON === undefined) throw new Error('AGNO_PYTHON is not set: run scripts/install-agno-client.sh.');
    const judged = new Agent({
      id: 'judged',
      name: 'Judged',
      engine: () => 'Hello',
      postHooks: [
        agentAsJudge({
          name: 'polite',
          criteria: 'It is polite.',
          engine: () => '{"score": 9, "reason": "It is."}',
        }),
      ],
    });
    const seer = new Agent({
      id: 'seer',
      engine: ({ files }) =>
        files
          .map(({ mediaType, content = '' }) => `${mediaType} of ${atob(content).length} bytes`)
          .join(', '),
    });
    const lab = mockLab();
    const { url } = await startApp({
      adapter,
      agentOs: { ...lab, agents: [...(lab.agents ?? []), judged, seer], http: { securityKey: KEY } },
    });
    await runJson(url, '/agents/judged', 'hi', {}, { authorization: `Bearer ${KEY}` });
    const script = spawn(PYTHON, [SCRIPT, url, KEY], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [output, errors] = await Promise.all([
      text(script.stdout),
      text(script.stderr),
      once(script, 'close'),
    ]);
    const lines = output.split('\n').filter((line) => line.startsWith('{"check"'));
    for (const line of lines) {
      const { check, problem } = JSON.parse(line) as { check: string; problem: unknown };
      problems.set(check, problem);
    }
    if (lines.length === 0) throw new Error(`The client has checked nothing: ${errors}`);
  }, 120_000);
  afterAll(closeApps);

  it.each(checks)('%s', (check) => {
    expect(problems.get(check)).toBeNull();
  });
}
