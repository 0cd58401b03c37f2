import { HOOK_EXECUTION_STATES } from '../../execution/hook-execution.js';
import { RUN_OUTCOMES } from '../../model/run-output.js';
import type { RouteDescriptions } from '../open-api.types.js';
import { integer, listOf, oneOfTexts, ref } from '../schema.builders.js';
import { DATABASE_QUERY, INVALID, json, problem, query } from './route.builders.js';

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
    query: [
      query('state', 'Only those in this state.', oneOfTexts(['running', 'settled'])),
      query('component', 'Only those of the component with this id.'),
      query('outcome', 'Only those that have settled like this.', oneOfTexts(RUN_OUTCOMES)),
      query('limit', 'At most so many.', { ...integer(), minimum: 1, maximum: 1_000, default: 100 }),
      ...DATABASE_QUERY,
    ],
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
    query: DATABASE_QUERY,
    answers: {
      200: json('The run, the runs below it, and the executions of their hooks.', ref('RunTimeline')),
      404: problem('There is no such run among those in flight and the latest 10,000.'),
      422: INVALID,
    },
  },
  'GET hooks/stats': {
    tag,
    summary: 'Count hooks and runs',
    query: DATABASE_QUERY,
    answers: {
      200: json('What waits, runs and has failed, and how long hooks take.', ref('HookStats')),
      404: problem('There is no such database.'),
      422: INVALID,
    },
  },
  'GET hooks/executions': {
    tag,
    summary: 'List executions of hooks',
    query: [
      query('run_id', 'Only of this run.'),
      query('hook', 'Only of the hook with this name.'),
      query('state', 'Only those in this state.', oneOfTexts(HOOK_EXECUTION_STATES)),
      query('limit', 'At most so many.', { ...integer(), minimum: 1, maximum: 1_000, default: 100 }),
      ...DATABASE_QUERY,
    ],
    answers: {
      200: json('The executions, the newest first.', ref('HookExecutions')),
      404: problem('There is no such database.'),
      422: INVALID,
    },
  },
};
