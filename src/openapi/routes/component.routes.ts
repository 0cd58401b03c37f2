import type { ComponentKind } from '../../model/component.js';
import type { RouteDescriptions } from '../open-api.types.js';
import { listOf, ref } from '../schema.builders.js';
import { json, KIND_WORDS, KINDS, problem } from './route.builders.js';

/** The routes of components. */
export const componentRoutes: RouteDescriptions = Object.assign(
  {},
  ...KINDS.map(routesOf),
) as RouteDescriptions;

function routesOf(kind: ComponentKind): RouteDescriptions {
  const { name, article } = KIND_WORDS[kind];
  const tag = `AgentOS ${kind}s`;
  const listed = kind === 'workflow' ? 'WorkflowSummary' : name;
  return {
    [`GET ${kind}s`]: {
      tag,
      summary: `List ${kind}s`,
      answers: { 200: json(`The served ${kind}s.`, listOf(ref(listed))) },
    },
    [`GET ${kind}s/:id`]: {
      tag,
      summary: `Show ${article}`,
      answers: { 200: json(`The ${kind}.`, ref(name)), 404: problem(`There is no such ${kind}.`) },
    },
  };
}
