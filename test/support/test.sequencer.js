import SequencerModule from '@jest/test-sequencer';

const Sequencer = SequencerModule.default ?? SequencerModule;

/**
 * Specs that come first, in this order. `load` measures memory: in a worker whose memory other specs have filled, it would
 * measure its garbage collector. The others take longest: last, one worker would run alone.
 */
const FIRST = [
  /[\\/]load\.spec\.ts$/,
  /[\\/]e2e[\\/](openapi|stores|sql-folder|stalled-clients|fuzz)\.spec\.ts$/,
  /[\\/](sample-app|docs|without-jest|sample-pages|agno-client)\.spec\.ts$/,
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
