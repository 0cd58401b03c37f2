import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Agent, defineHook } from 'nestjs-agentos';
import { createTestAgentOs } from 'nestjs-agentos/testing';

test('notify runs after the response', async (t) => {
  const sent = [];
  const notify = defineHook(({ runOutput }) => void sent.push(runOutput.content), {
    name: 'notify',
    runInBackground: true,
  });
  const engine = ({ input }) => `You asked: ${input}`;
  const os = await createTestAgentOs({ agents: [new Agent({ id: 'support', engine, postHooks: [notify] })] });
  t.after(() => os.close());

  const run = await os.client.run('support', 'Where is my parcel?');
  await os.hooks.next('notify', { state: 'succeeded' });

  assert.deepEqual(sent, ['You asked: Where is my parcel?']);
  os.hooks.assertRanAfterResponse(run, 'notify');
});
