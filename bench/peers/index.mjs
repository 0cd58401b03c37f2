import { installPeers } from './installations.mjs';
import { measureScenario, SCENARIOS } from './scenarios.mjs';
import { SUBJECTS } from './subjects.mjs';

/** Readings of each subject and their seconds, in the closed and in the open loop. */
const PLAN = { rounds: 3, seconds: 0.5, openRounds: 3, openSeconds: 2, warmUpSeconds: 2, isQuick: false };
/** For a look: it shows that everything runs. */
const QUICK_PLAN = {
  rounds: 2,
  seconds: 0.2,
  openRounds: 1,
  openSeconds: 0.3,
  warmUpSeconds: 0.2,
  isQuick: true,
};

/**
 * AgentOS beside agno, Mastra and Nest by hand. With `--scenarios hooks,team` only those are measured.
 *
 * @returns what was installed, and what `results/peers.json` holds beside that and the machine
 */
export async function measurePeers({ quick, programArguments }) {
  const installed = installPeers(programArguments);
  for (const [peer, reason] of Object.entries(installed.missing))
    console.log(`${peer} is missing: ${reason}`);
  const scenarios = {};
  for (const name of chosenScenarios(programArguments))
    scenarios[name] = await measureScenario(name, { plan: quick ? QUICK_PLAN : PLAN, installed });
  return {
    installed,
    subjects: Object.fromEntries(SUBJECTS.map(({ variant, title }) => [variant, title])),
    missing: installed.missing,
    plan: quick ? QUICK_PLAN : PLAN,
    scenarios,
  };
}

/** Whether all scenarios are measured. */
export function isEveryScenario(programArguments) {
  return !programArguments.includes('--scenarios');
}

function chosenScenarios(programArguments) {
  const names = Object.keys(SCENARIOS);
  if (isEveryScenario(programArguments)) return names;
  const chosen = programArguments[programArguments.indexOf('--scenarios') + 1]?.split(',') ?? [];
  const unknown = chosen.filter((name) => !names.includes(name));
  if (chosen.length === 0 || unknown.length > 0)
    throw new Error(`Expected some of ${names.join(', ')} after --scenarios, separated by commas.`);
  return chosen;
}
