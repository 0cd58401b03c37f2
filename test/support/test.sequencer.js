import SequencerModule from '@jest/test-sequencer';

const Sequencer = SequencerModule.default ?? SequencerModule;

/**
 * Specs that come first, in this order. `load` measures memory: in a worker whose memory other specs have filled, it would
 * measure its garbage collector. The others take longest: one that came last would run while the other workers have ended.
 */
const FIRST = [
  /[\\/]load\.spec\.ts$/,
  /[\\/](openapi|stores|after-the-response|ledger|files|fuzz|stalled-clients)\.spec\.ts$/,
  /[\\/](context-and-tracing|ai-sdk-failures|propagation|encrypted-hooks\.places)\.spec\.ts$/,
];

/** Those of {@link FIRST}, then the others as Jest sorts them: by time, as far as it knows it. */
export default class FirstComeSequencer extends Sequencer {
  sort(tests) {
    const rankOf = ({ path }) => {
      const rank = FIRST.findIndex((pattern) => pattern.test(path));
      return rank < 0 ? FIRST.length : rank;
    };
    return super.sort(tests).sort((one, other) => rankOf(one) - rankOf(other));
  }
}
