import { COMPONENT_KINDS, type ComponentKind } from '../../model/component-identity.js';
import { EVAL_TYPE } from '../../protocol/evaluations.js';
import type { EvaluationsQuery } from '../../protocol/requests.js';
import type { EvaluationCriteria } from '../../sessions/eval.store.js';

interface NamedComponent {
  readonly kind: ComponentKind;
  readonly id?: string | undefined;
}

/** The evaluations that a query asks for; undefined if it can match none. */
export function criteriaOf(query: EvaluationsQuery): EvaluationCriteria | undefined {
  const types = query.eval_types?.split(',') ?? [EVAL_TYPE];
  if (!types.some((type) => type.trim() === EVAL_TYPE)) return undefined;
  const named: NamedComponent[] = COMPONENT_KINDS.map((kind) => ({ kind, id: query[`${kind}_id`] }));
  const component = componentOf(named.filter(({ kind, id }) => id !== undefined || kind === query.type));
  return component && { ...component, modelId: query.model_id };
}

/** An evaluation is of one component: a filter for two kinds matches none. */
function componentOf(named: readonly NamedComponent[]): EvaluationCriteria | undefined {
  if (named.length > 1) return undefined;
  const [component] = named;
  return component ? { componentKind: component.kind, componentId: component.id } : {};
}
