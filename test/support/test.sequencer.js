import SequencerModule from '@jest/test-sequencer';

const Sequencer = SequencerModule.default ?? SequencerModule;

/**
 * Specs that come first, in this order. Those called `linear` measure processor time and `load` memory: in a worker whose
 * memory other specs have filled, they would measure its garbage collector. The two that are called `linear` run beside
 * each other, which disturbs them least. The others take longest: last, one worker would run alone.
 */
const FIRST = [
  /[\\/]linear\.spec\.ts$/,
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
