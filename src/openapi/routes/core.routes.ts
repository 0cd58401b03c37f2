import type { RouteDescriptions } from '../open-api.types.js';
import { listOf, ref } from '../schema.builders.js';
import { json } from './route.builders.js';

const tag = 'AgentOS';

/** The routes that describe the server. */
export const coreRoutes: RouteDescriptions = {
  'GET health': {
    tag,
    isOpen: true,
    summary: 'Tell whether the server answers',
    answers: { 200: json('It does.', ref('Health')) },
  },
  'GET info': {
    tag,
    isOpen: true,
    summary: 'Show who the server is',
    description: 'Also how much it serves, and what a client has to bring.',
    answers: { 200: json('Who the server is.', ref('Info')) },
  },
  'GET config': {
    tag,
    summary: 'Show the configuration',
    description: 'The components, and where sessions and evaluations are kept.',
    answers: { 200: json('The configuration.', ref('Config')) },
  },
  'GET models': {
    tag,
    summary: 'List the models of agents and teams',
    answers: { 200: json('The models, each once.', listOf(ref('Model'))) },
  },
};

/** The only route without a controller: the answer at the root of the routes. */
export const homeRoute = {
  tag,
  isOpen: true,
  summary: 'Show that AgentOS is here',
  answers: { 200: json('It is.', ref('Home')) },
} satisfies RouteDescriptions[string];
