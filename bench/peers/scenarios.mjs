import { measureBacklog } from './backlog.mjs';
import { Point } from './point.mjs';
import { measureRequests } from './requests.mjs';
import { measureStartUp } from './start-up.mjs';
import { measureStreams } from './streams.mjs';

const KB = 1_024;
const SIZES = [KB, 10 * KB, 100 * KB, KB * KB];
const TOKENS = 100;
/** A hundred tokens of ten characters. */
const STREAMED = { size: 1_000, tokens: TOKENS };
const HELD = { hookCount: 10, hook: 'held', model: 'instant', memory: true };

/**
 * What is measured of each subject, and how it grows: `axis` is what grows, through these values. `quickValues`
 * are for `--quick`.
 */
export const SCENARIOS = {
  hooks: requests('run', 'background hooks', [0, 1, 3, 10, 30], (hookCount) => ({ hookCount })),
  sizes: requests('run', 'bytes of the answer', SIZES, (size) => ({ size })),
  sizesWithHooks: requests('run', 'bytes of the answer, 10 background hooks', SIZES, (size) => ({
    size,
    hookCount: 10,
    model: 'instant',
  })),
  slowHooks: requests('run', 'background hooks of 50 ms', [1, 3, 10], (hookCount) => ({
    hookCount,
    hook: 'sleep',
    model: 'instant',
  })),
  team: requests('team', 'members of a team', [1, 3, 10], (members) => ({ members })),
  steps: requests('workflow', 'steps of a workflow', [1, 5, 20], (steps) => ({ steps })),
  streams: {
    axis: 'streams of 100 tokens at a time',
    values: [1, 10, 100],
    configurationOf: () => STREAMED,
    measure: (point, streams, context) => measureStreams(point, { streams, tokens: TOKENS }, context),
  },
  backlog: {
    axis: 'hooks that wait',
    values: [1_000, 10_000, 100_000],
    quickValues: [1_000],
    configurationOf: () => HELD,
    measure: measureBacklog,
  },
  startUp: {
    axis: 'background hooks at the start',
    values: [0, 1, 1_000],
    configurationOf: (hookCount) => ({ hookCount }),
    measure: (point, hookCount, context) => measureStartUp(point, { hookCount }, context),
    needsServers: false,
  },
};

function requests(request, axis, values, configurationOf) {
  const measure = (point, _value, context) => measureRequests(point, request, context);
  return { axis, values, configurationOf, measure };
}

/** Measures a scenario at each of its values. */
export async function measureScenario(name, context) {
  const { axis, values, quickValues, configurationOf, measure, needsServers = true } = SCENARIOS[name];
  const { plan, installed } = context;
  const points = [];
  for (const value of (plan.isQuick && quickValues) || values) {
    const start = performance.now();
    const point = new Point(configurationOf(value), installed);
    if (needsServers) await point.start(configurationOf(value), installed);
    const facts = await measure(point, value, context);
    points.push({ value, ...facts, ...(await point.end()) });
    console.log(`${name} ${value}: ${Math.round((performance.now() - start) / 1_000)} s`);
  }
  return { axis, points };
}
