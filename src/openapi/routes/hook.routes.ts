import { databaseQuery, executionsQuery, recordedRunsQuery } from '../../protocol/requests.js';
import type { RouteDescriptions } from '../open-api.types.js';
import { listOf, ref } from '../schema.builders.js';
import { INVALID, json, problem } from './route.builders.js';

const tag = 'AgentOS hooks';

/** The routes of hooks, their executions and their runs. */
export const hookRoutes: RouteDescriptions = {
  'GET hooks': {
    tag,
    summary: 'List hooks',
    answers: { 200: json('Every hook, where it is attached, its mode and why.', listOf(ref('Hook'))) },
  },
  'GET hooks/runs': {
    tag,
    summary: 'List runs, in flight and settled',
    query: recordedRunsQuery,
    answers: {
      200: json(
        'The runs that have not ended, the oldest first; then those that have settled, the latest first.',
        ref('RecordedRuns'),
      ),
      404: problem('There is no such database.'),
      422: INVALID,
    },
  },
  'GET hooks/runs/:run_id': {
    tag,
    summary: 'Show a run, its parts and their hooks',
    query: databaseQuery,
    answers: {
      200: json('The run, the runs below it, and the executions of their hooks.', ref('RunTimeline')),
      404: problem('There is no such run among those in flight and the latest 10,000.'),
      422: INVALID,
    },
  },
  'GET hooks/stats': {
    tag,
    summary: 'Count hooks and runs',
    query: databaseQuery,
    answers: {
      200: json('What waits, runs and has failed, and how long hooks take.', ref('HookStats')),
      404: problem('There is no such database.'),
      422: INVALID,
    },
  },
  'GET hooks/executions': {
    tag,
    summary: 'List executions of hooks',
    query: executionsQuery,
    answers: {
      200: json('The executions, the newest first.', ref('HookExecutions')),
      404: problem('There is no such database.'),
      422: INVALID,
    },
  },
};
