// A program as the users of a generated client write it. It is compiled and run beside the client.
import assert from 'node:assert/strict';

import {
  agentRunControlControllerResume,
  agentRunsControllerRun,
  hooksControllerRuns,
  sessionRunsControllerList,
  teamRunsControllerRun,
  workflowRunsControllerRun,
} from './client.ts';

const answer = await agentRunsControllerRun('helper', { message: 'Hi', stream: false, session_id: 's1' });
assert.equal(answer.status, 200);
if (answer.status !== 200 || typeof answer.data === 'string' || !('content' in answer.data))
  throw new Error('no run');
assert.equal(answer.data.content, 'You asked: Hi');

const files = [new File(['a,b'], 'table.csv', { type: 'text/csv' })];
const withFile = await agentRunsControllerRun('helper', { message: 'Read', stream: false, files });
assert.equal(withFile.status, 200);
assert.match(JSON.stringify(withFile.data), /You asked: Read with table\.csv/);

for (const run of [teamRunsControllerRun, workflowRunsControllerRun]) {
  const id = run === teamRunsControllerRun ? 'desk' : 'flow';
  const { status, data } = await run(id, { message: 'Hi', stream: false, metadata: '{"from":"a client"}' });
  assert.equal(status, 200);
  assert.match(JSON.stringify(data), /You asked: Hi/);
}

const stream = await agentRunsControllerRun('helper', { message: 'Hi', background: true, session_id: 's2' });
assert.equal(stream.status, 200);
const [, runId = ''] = /"run_id":"([^"]+)"/.exec(String(stream.data)) ?? [];
const resumed = await agentRunControlControllerResume('helper', runId, {
  last_event_index: 0,
  session_id: 's2',
});
assert.equal(resumed.status, 200);
assert.match(String(resumed.data), /RunCompleted/);

const wrong = await agentRunsControllerRun('helper', { message: '' });
assert.equal(wrong.status, 422);
const unknown = await agentRunsControllerRun('nobody', { message: 'Hi' });
assert.equal(unknown.status, 404);

const runs = await sessionRunsControllerList('s1', { limit: 10 });
assert.equal(runs.status, 200);
if (runs.status === 200) assert.equal(runs.data.length, 1);
const inFlight = await hooksControllerRuns({ state: 'running' });
assert.equal(inFlight.status, 200);
console.log('The generated client runs agents, teams and workflows.');
