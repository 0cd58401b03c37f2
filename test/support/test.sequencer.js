import SequencerModule from '@jest/test-sequencer';

const Sequencer = SequencerModule.default ?? SequencerModule;

/** Specs that measure processor time: in a worker whose memory other specs have filled, they would measure its garbage collector. */
const MEASURING = /[\\/]linear\.spec\.ts$/;

/** Lets the specs that measure come first, while the workers are fresh. */
export default class MeasuringFirstSequencer extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const isMeasuring = ({ path }) => MEASURING.test(path);
    return [...sorted.filter(isMeasuring), ...sorted.filter((test) => !isMeasuring(test))];
  }
}
