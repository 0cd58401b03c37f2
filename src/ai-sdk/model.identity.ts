import type { LanguageModel } from 'ai';

import type { ModelIdentity } from '../model/run-output.js';

/** The identity of a model. A model given by name is behind the AI Gateway; its name begins with its provider. */
export function identityOf(model: LanguageModel): ModelIdentity {
  if (typeof model !== 'string') return { id: model.modelId, provider: model.provider };
  const slash = model.indexOf('/');
  return { id: model, provider: slash > 0 ? model.slice(0, slash) : 'gateway' };
}
