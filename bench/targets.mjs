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
  heapPerPendingRun: { atMost: 2 },
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
