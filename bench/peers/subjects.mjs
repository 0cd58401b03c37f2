import { ChildProcess } from '../child-process.mjs';

/**
 * What is measured, with two models: a function that answers at once, and the AI SDK with a model that does. `peer` is what has
 * to be installed for it; `hasHooks` whether it can run hooks after the response.
 */
export const SUBJECTS = [
  { variant: 'agentOs', title: 'nestjs-agentos', script: 'server/agent-os.mjs', model: 'instant' },
  { variant: 'byHand', title: 'Nest by hand', script: 'server/by-hand.mjs', model: 'instant' },
  { variant: 'agno', title: 'agno', script: 'agno/server.py', model: 'instant', peer: 'agno' },
  { variant: 'agentOsAiSdk', title: 'nestjs-agentos, AI SDK', script: 'server/agent-os.mjs', model: 'aiSdk' },
  { variant: 'byHandAiSdk', title: 'Nest by hand, AI SDK', script: 'server/by-hand.mjs', model: 'aiSdk' },
  {
    variant: 'mastra',
    title: 'Mastra, AI SDK',
    script: 'mastra/server.mjs',
    model: 'aiSdk',
    peer: 'mastra',
    hasHooks: false,
  },
];

const DEFAULTS = { size: 1_024, tokens: 1, hookCount: 0, hook: 'read', members: 0, steps: 0, memory: false };

/**
 * The subjects that are installed and can serve a configuration: with hooks, those that have them; if it names a model, those
 * with that model.
 */
export function subjectsFor({ hookCount = 0, model: wanted }, { missing }) {
  return SUBJECTS.filter(
    ({ peer, model, hasHooks = true }) =>
      missing[peer] === undefined && (hasHooks || hookCount === 0) && (wanted ?? model) === model,
  );
}

/** Starts the server of a subject in a process of its own. */
export async function startSubject({ variant, script, model, peer }, configuration, { node, python }) {
  const full = { ...DEFAULTS, ...configuration, model };
  const process = await ChildProcess.start(`peers/${script}`, {
    scriptArguments: [JSON.stringify(full)],
    program: peer === 'agno' ? python : node.path,
  });
  return { variant, configuration: full, process, ...process.greeting };
}
