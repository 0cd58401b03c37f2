/** What the ratios must reach. They hold for every size of output. */
const TARGETS = {
  'os10/byHand10': { atLeast: 1 },
  'fastify:os10/byHand10': { atLeast: 1 },
  'os10/os0': { atLeast: 0.8 },
  'fastify:os10/os0': { atLeast: 0.75 },
  'os0/bareNest': { atLeast: 0.75 },
  'fastify:os0/bareNest': { atLeast: 0.6 },
  addedP50Micros: { atMost: 100 },
  'snapshot/structuredClone': { atMost: 0.25 },
  heapPerPendingRun: { atMost: 1.5 },
  ...forStores('added10/queueAdd', { atMost: 4 }),
  ...forStores('os3/flowByHand3', { atLeast: 0.9 }),
};

function forStores(name, target) {
  return Object.fromEntries(['folder', 'redis', 'postgres'].map((store) => [`${store}:${name}`, target]));
}

/** The target of a ratio; its key may say a size. */
export function targetOf(key) {
  return TARGETS[key.replace(/\d+[KM]B:/, '')];
}

export function isMet({ atLeast = -Infinity, atMost = Infinity }, value) {
  return value >= atLeast && value <= atMost;
}

/** Microseconds of processor time. On Node 20, where promises and asynchronous context cost more, half of an earlier state. */
const ON_NODE_24 = {
  'os0 - bareNest': 30,
  'os0 - bareNest - in process': 15,
  'os10 - os0': 25,
  'os10 - byHand10': 0,
};
const PROCESSOR_TIME = {
  20: {
    express: { 'os0 - bareNest': 63, 'os10 - os0': 34 },
    fastify: { 'os0 - bareNest': 56, 'os10 - os0': 23 },
  },
  24: { express: ON_NODE_24, fastify: ON_NODE_24, 'in process': { direct0: 8, os0: 15 } },
};

/** The targets of processor time by place and figure; those of Node 24 count from there on. */
export function processorTimeTargetsOf(version) {
  const major = Number(version.replace('v', '').split('.', 1)[0]);
  return PROCESSOR_TIME[major < 24 ? 20 : 24];
}
