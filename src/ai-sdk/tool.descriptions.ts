import { asSchema, type ToolSet } from 'ai';

import type { ToolDescription } from '../components/engine.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { PlainRecord } from '../model/run-context.js';
import { DELEGATE_TOOL, delegateTool } from './delegate.tool.js';

type AnyTool = ToolSet[string];

/** A model's tools, as shown in lists of components: without their functions and configuration. */
export function describeTools(
  own: ToolSet,
  members: readonly ComponentIdentity[],
): Promise<readonly ToolDescription[]> {
  const tools: ToolSet = {
    ...own,
    ...(members.length === 0 ? {} : { [DELEGATE_TOOL]: delegateToolOf(members) }),
  };
  return Promise.all(Object.entries(tools).map(([name, tool]) => describeTool(name, tool)));
}

async function describeTool(name: string, { description, inputSchema }: AnyTool): Promise<ToolDescription> {
  const parameters = await parametersOf(inputSchema);
  // In version 7 of the AI SDK it may be a function of the run.
  return typeof description === 'string' ? { name, description, parameters } : { name, parameters };
}

/** Empty for a schema that cannot be described: it fails the run that needs it, not the list. */
async function parametersOf(schema: AnyTool['inputSchema']): Promise<PlainRecord> {
  try {
    return (await asSchema(schema).jsonSchema) as PlainRecord;
  } catch {
    return {};
  }
}

/** For display, never called. */
function delegateToolOf(members: readonly ComponentIdentity[]): AnyTool {
  return delegateTool(members, () => Promise.reject(new Error('This tool is only a description.')));
}
