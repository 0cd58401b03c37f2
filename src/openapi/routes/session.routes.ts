import { sessionQuery, sessionRunsQuery, sessionsQuery } from '../../protocol/requests.js';
import type { Answer, Schema, RouteDescriptions } from '../open-api.types.js';
import { listOf, ref } from '../schema.builders.js';
import { INVALID, json, jsonBody, nothing, problem, runPage } from './route.builders.js';

const tag = 'AgentOS sessions';
const ANY_SESSION: Schema = { anyOf: ['Agent', 'Team', 'Workflow'].map((kind) => ref(`${kind}Session`)) };
const ANY_RUN: Schema = { anyOf: ['Agent', 'Team', 'Workflow'].map((kind) => ref(`${kind}SessionRun`)) };
const SESSION: Answer = json('The session.', ANY_SESSION);
const NOT_FOUND: Answer = problem('There is no such session.');
const NO_DATABASE: Answer = problem('There is no such database.');
const DELETED: Answer = nothing('They are not there any more.');

/** Sessions. */
export const sessionRoutes: RouteDescriptions = {
  'GET sessions': {
    tag,
    summary: 'List sessions',
    query: sessionsQuery,
    answers: { 200: json('A page of sessions.', ref('SessionPage')), 404: NO_DATABASE, 422: INVALID },
  },
  'POST sessions': {
    tag,
    summary: 'Make a session',
    query: sessionQuery,
    requestBody: jsonBody(ref('NewSession'), false),
    answers: {
      201: SESSION,
      404: NO_DATABASE,
      409: problem('There is one with this id.'),
      422: INVALID,
    },
  },
  'DELETE sessions': {
    tag,
    summary: 'Delete sessions',
    query: sessionQuery,
    requestBody: jsonBody(ref('SessionDeletion')),
    answers: {
      204: DELETED,
      400: problem('There are more ids than types, or fewer.'),
      404: NO_DATABASE,
      422: INVALID,
    },
  },
  'GET sessions/:session_id': {
    tag,
    summary: 'Show a session',
    query: sessionQuery,
    answers: { 200: SESSION, 404: NOT_FOUND, 422: INVALID },
  },
  'PATCH sessions/:session_id': {
    tag,
    summary: 'Change a session',
    query: sessionQuery,
    requestBody: jsonBody(ref('SessionUpdate'), false),
    answers: { 200: SESSION, 404: NOT_FOUND, 422: INVALID },
  },
  'DELETE sessions/:session_id': {
    tag,
    summary: 'Delete a session',
    query: sessionQuery,
    answers: { 204: nothing('It is not there any more.'), 404: NO_DATABASE, 422: INVALID },
  },
  'POST sessions/:session_id/rename': {
    tag,
    summary: 'Rename a session',
    query: sessionQuery,
    requestBody: jsonBody(ref('SessionName')),
    answers: { 200: SESSION, 404: NOT_FOUND, 422: INVALID },
  },
  'GET sessions/:session_id/runs': {
    tag,
    summary: 'List the runs of a session',
    query: sessionRunsQuery,
    answers: { 200: runPage(listOf(ANY_RUN)), 404: NOT_FOUND, 422: INVALID },
  },
  'GET sessions/:session_id/runs/:run_id': {
    tag,
    summary: 'Show a run of a session',
    query: sessionQuery,
    answers: {
      200: json('The run.', ANY_RUN),
      404: problem('There is no such session or run.'),
      422: INVALID,
    },
  },
};
