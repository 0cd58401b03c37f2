import { HOOK_EXECUTION_STATES } from '../../execution/hook-execution.js';
import type { RouteDescriptions } from '../open-api.types.js';
import { integer, listOf, oneOfTexts, ref } from '../schema.builders.js';
import { DATABASE_QUERY, INVALID, json, problem, query } from './route.builders.js';

const tag = 'AgentOS hooks';

/** Hooks, and what became of their executions. */
export const hookRoutes: RouteDescriptions = {
  'GET hooks': {
    tag,
    summary: 'List hooks',
    answers: { 200: json('Every hook, where it is attached, its mode and why.', listOf(ref('Hook'))) },
  },
  'GET hooks/runs': {
    tag,
    summary: 'List runs in flight',
    query: [
      query('state', 'Only those in this state.', oneOfTexts(['running'])),
      query('limit', 'At most so many.', { ...integer(), minimum: 1, maximum: 1_000, default: 100 }),
      ...DATABASE_QUERY,
    ],
    answers: {
      200: json('The runs that have not ended, the oldest first.', ref('RunsInFlight')),
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
