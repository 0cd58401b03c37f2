// The same with a client of @hey-api/openapi-ts.
import assert from 'node:assert/strict';

import {
  agentRunsControllerRun,
  sessionsControllerList,
  teamRunsControllerRun,
  workflowRunsControllerRun,
} from './hey-api/sdk.gen.ts';

const files = [new File(['a,b'], 'table.csv', { type: 'text/csv' })];
const answer = await agentRunsControllerRun({
  path: { id: 'helper' },
  body: { message: 'Read', stream: false, session_id: 's3', files },
});
assert.equal(answer.response?.status, 200);
assert.match(JSON.stringify(answer.data), /You asked: Read with table\.csv/);

for (const [run, id] of [
  [teamRunsControllerRun, 'desk'],
  [workflowRunsControllerRun, 'flow'],
] as const) {
  const body = { message: 'Hi', stream: false, metadata: '{"from":"a client"}' };
  const { data } = await run({ path: { id }, body });
  assert.match(JSON.stringify(data), /You asked: Hi/);
}

const wrong = await agentRunsControllerRun({ path: { id: 'helper' }, body: { message: '' } });
assert.equal(wrong.response?.status, 422);

const sessions = await sessionsControllerList({ query: { limit: 10, page: 1 } });
assert.ok(sessions.data && sessions.data.data.length > 0);
console.log('The client of @hey-api/openapi-ts runs agents, teams and workflows.');
