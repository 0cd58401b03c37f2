import { databaseQuery, evaluationsQuery } from '../../protocol/requests.js';
import type { Answer, RouteDescriptions } from '../open-api.types.js';
import { ref } from '../schema.builders.js';
import { INVALID, json, jsonBody, nothing, problem } from './route.builders.js';

const tag = 'AgentOS eval runs';
const EVAL_RUN: Answer = json('The evaluation.', ref('EvalRun'));
const NOT_FOUND: Answer = problem('There is no such evaluation.');
const NO_DATABASE: Answer = problem('There is no such database.');

/** The routes of the evaluations of judges. */
export const evalRunRoutes: RouteDescriptions = {
  'GET eval-runs': {
    tag,
    summary: 'List evaluations',
    query: evaluationsQuery,
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
    query: databaseQuery,
    requestBody: jsonBody(ref('EvalRunDeletion')),
    answers: { 204: nothing('They are not there any more.'), 404: NO_DATABASE, 422: INVALID },
  },
  'GET eval-runs/:eval_run_id': {
    tag,
    summary: 'Show an evaluation',
    query: databaseQuery,
    answers: { 200: EVAL_RUN, 404: NOT_FOUND, 422: INVALID },
  },
  'PATCH eval-runs/:eval_run_id': {
    tag,
    summary: 'Rename an evaluation',
    query: databaseQuery,
    requestBody: jsonBody(ref('EvalRunName')),
    answers: { 200: EVAL_RUN, 404: NOT_FOUND, 422: INVALID },
  },
};
