/** @jest-environment node */
import { afterEach, expect, it, jest } from '@jest/globals';
import { Agent, Team } from 'nestjs-agentos';
import { piiGuardrail } from 'nestjs-agentos/guardrails';

import { closeApps, startApp, startUpError } from '../support/test-app.js';

jest.unstable_mockModule('libphonenumber-js/max', () => {
  throw Object.assign(new Error("Cannot find package 'libphonenumber-js' imported from here"), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
});

afterEach(closeApps);

const guarded = (guardrail: ReturnType<typeof piiGuardrail>): Agent =>
  new Agent({ id: 'guarded', engine: () => 'fine', preHooks: [guardrail] });

const MESSAGE =
  'piiGuardrail() with the type "phone" (leave it out of types if you need no telephone numbers) needs ' +
  'the package "libphonenumber-js", which is not installed. Run: npm install libphonenumber-js';

it('An application with piiGuardrail does not start without libphonenumber-js, whatever component it guards', async () => {
  const agent = guarded(piiGuardrail());
  const unguarded = new Agent({ id: 'unguarded', engine: () => 'fine' });
  const team = new Team({
    id: 'team',
    mode: 'broadcast',
    members: [unguarded],
    engine: ({ input }) => input,
    postHooks: [piiGuardrail()],
  });

  expect(await startUpError({ agentOs: { agents: [agent] } })).toContain(MESSAGE);
  expect(await startUpError({ agentOs: { teams: [team] } })).toContain(MESSAGE);
  expect(await startUpError({ agentOs: { agents: [unguarded], preHooks: [piiGuardrail()] } })).toContain(
    MESSAGE,
  );
  const nested = new Team({ id: 'outer', mode: 'route', members: [agent], engine: ({ input }) => input });
  expect(await startUpError({ agentOs: { teams: [nested] } })).toContain(MESSAGE);
});

it('A direct run without an application fails closed', async () => {
  await expect(guarded(piiGuardrail()).run('hi')).rejects.toThrow();
});

it('An application whose piiGuardrail leaves telephone numbers out starts', async () => {
  const { agentOs } = await startApp({
    agentOs: { agents: [guarded(piiGuardrail({ types: ['email', 'card', 'ssn'] }))] },
  });
  await expect(agentOs.run('guarded', { content: 'ann@example.org' })).rejects.toMatchObject({
    trigger: 'pii_detected',
  });
});
