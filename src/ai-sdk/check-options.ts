import type { ToolSet } from 'ai';

import { AgentOsLogger } from '../errors/agent-os.logger.js';
import type { OutputSchema } from '../components/workflow/output-schema.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { toError } from '../data/to-error.js';
import { DEFAULT_MAX_STEPS, KNOWN_OPTIONS, type AiSdkOptions } from './ai-sdk.options.js';
import { DELEGATE_TOOL } from './delegate.tool.js';
import { describeSchema, isDescribable } from './structured.output.js';

/** @throws AgentOsConfigurationError that names the first invalid option */
export function checkOptions(options: AiSdkOptions): void {
  if (typeof options !== 'object' || (options as unknown) === null) fail('expected an options object.');
  const unknown = Object.keys(options).find((option) => !KNOWN_OPTIONS.includes(option));
  if (unknown !== undefined) fail(`unknown option "${unknown}". Known options: ${KNOWN_OPTIONS.join(', ')}.`);
  const { model, instructions, tools, output, maxSteps = DEFAULT_MAX_STEPS } = options;
  if (
    typeof model !== 'string' &&
    typeof (model as Partial<typeof model> | undefined)?.modelId !== 'string'
  ) {
    fail(`expected model to be a model of the AI SDK, got ${typeof model}.`);
  }
  if (instructions !== undefined && typeof instructions !== 'string' && typeof instructions !== 'function') {
    fail(`expected instructions to be a string or a function, got ${typeof instructions}.`);
  }
  if (!Number.isInteger(maxSteps) || maxSteps < 1) {
    fail(`expected maxSteps to be a whole number from 1 on, got ${String(maxSteps)}.`);
  }
  checkTools(tools ?? {});
  if (output !== undefined) checkOutput(output);
}

function checkOutput(output: OutputSchema<unknown>): void {
  if (typeof (output as Partial<typeof output> | null)?.['~standard']?.validate !== 'function') {
    fail('expected output to be a Standard Schema, such as one of zod or valibot.');
  }
  if (isDescribable(output)) return checkDescription('output', output);
  new AgentOsLogger().warn(
    'aiSdk(): the schema of output cannot describe itself as JSON Schema, so the model is not told the form of its ' +
      'answer; the answer is only checked. Valibot describes itself with toStandardJsonSchema() of @valibot/to-json-schema.',
  );
}

function checkTools(tools: ToolSet): void {
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
