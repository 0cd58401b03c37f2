import type { ToolSet } from 'ai';

import { AgentOsLogger } from '../errors/agent-os.logger.js';
import type { OutputSchema } from '../components/workflow/output-schema.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { toError } from '../data/to-error.js';
import { DELEGATE_TOOL } from './delegate.tool.js';
import { describeSchema, isDescribable } from './structured.output.js';

/**
 * Checks that a model can be told the form of its answer; logs a warning if it cannot.
 *
 * @throws AgentOsConfigurationError if the schema fails to describe itself
 */
export function checkOutput(output: OutputSchema<unknown>): void {
  if (isDescribable(output)) return checkDescription('output', output);
  new AgentOsLogger().warn(
    'aiSdk(): the schema of output cannot describe itself as JSON Schema, so the model is not told the form of its ' +
      'answer; the answer is only checked. Valibot describes itself with toStandardJsonSchema() of @valibot/to-json-schema.',
  );
}

/** @throws AgentOsConfigurationError that names a tool which a model could not use */
export function checkTools(tools: ToolSet): void {
  for (const [name, tool] of Object.entries(tools)) {
    if (name === DELEGATE_TOOL) fail(`the tool name "${name}" is taken: teams delegate with it.`);
    if (typeof tool.execute !== 'function' && tool.type !== 'provider') {
      fail(`tool "${name}" has no execute function, so nothing would answer the model's call.`);
    }
    checkDescription(`the inputSchema of tool "${name}"`, tool.inputSchema);
  }
}

function checkDescription(name: string, schema: unknown): void {
  try {
    describeSchema(schema);
  } catch (thrown) {
    fail(`${name} cannot be described to a model: ${toError(thrown).message}.`, thrown);
  }
}

function fail(problem: string, cause?: unknown): never {
  throw new AgentOsConfigurationError(`aiSdk(): ${problem}`, { cause });
}
