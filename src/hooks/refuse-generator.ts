import { types } from 'node:util';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';

/**
 * Calling a generator function runs none of its body, so a hook that is one would never do its work.
 *
 * @param where - the function as an error message should call it
 * @throws AgentOsConfigurationError if the function is a generator function, async or not
 */
export function refuseGenerator(hook: unknown, where: string): void {
  if (!types.isGeneratorFunction(hook)) return;
  throw new AgentOsConfigurationError(
    `${where} is a generator function, whose body never runs when it is called. ` +
      'Make it a function or an async function, without yield.',
  );
}
