import type { Answer, RouteDescriptions } from '../open-api.types.js';
import { ref } from '../schema.builders.js';
import {
  DATABASE_QUERY,
  idQuery,
  INVALID,
  json,
  jsonBody,
  KIND_QUERY,
  nothing,
  PAGE_QUERY,
  problem,
} from './route.builders.js';

const tag = 'AgentOS eval runs';
const EVAL_RUN: Answer = json('The evaluation.', ref('EvalRun'));
const NOT_FOUND: Answer = problem('There is no such evaluation.');
const NO_DATABASE: Answer = problem('There is no such database.');

/** The routes of the evaluations of judges. */
export const evalRunRoutes: RouteDescriptions = {
  'GET eval-runs': {
    tag,
    summary: 'List evaluations',
    query: [
      idQuery('agent_id', 'Only of this agent.'),
      idQuery('team_id', 'Only of this team.'),
      idQuery('workflow_id', 'Only of this workflow.'),
      idQuery('model_id', 'Only of answers that this model gave.'),
      KIND_QUERY,
      idQuery('eval_types', 'Types with commas between them; there is only `agent_as_judge`.'),
      ...PAGE_QUERY,
      ...DATABASE_QUERY,
    ],
    answers: { 200: json('A page of evaluations.', ref('EvalRunPage')), 404: NO_DATABASE, 422: INVALID },
  },
  'POST eval-runs': {
    tag,
    summary: 'Start an evaluation',
    description: 'Not supported: the hook `agentAsJudge()` evaluates runs.',
    answers: { 501: problem('Not supported.') },
  },
  'DELETE eval-runs': {
    tag,
    summary: 'Delete evaluations',
    query: DATABASE_QUERY,
    requestBody: jsonBody(ref('EvalRunDeletion')),
    answers: { 204: nothing('They are not there any more.'), 404: NO_DATABASE, 422: INVALID },
  },
  'GET eval-runs/:eval_run_id': {
    tag,
    summary: 'Show an evaluation',
    query: DATABASE_QUERY,
    answers: { 200: EVAL_RUN, 404: NOT_FOUND, 422: INVALID },
  },
  'PATCH eval-runs/:eval_run_id': {
    tag,
    summary: 'Rename an evaluation',
    query: DATABASE_QUERY,
    requestBody: jsonBody(ref('EvalRunName')),
    answers: { 200: EVAL_RUN, 404: NOT_FOUND, 422: INVALID },
  },
};
