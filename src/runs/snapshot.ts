import { copyPlainData } from '../data/copy-plain-data.js';
import type { RunContext } from '../model/run-context.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { Session } from '../model/session.js';
import { copyWithout, logLeftOut } from '../sessions/storable.js';

/** A settled run: copies that nothing changes any more, from which every background hook gets its own. */
export interface RunSnapshot {
  readonly runInput: RunInput;
  readonly runContext: RunContext;
  readonly runOutput: RunOutput;
  readonly session: Session;
}

/**
 * The run as it is stored: data that is not plain is left out and named in the log, so that the turn is not lost.
 *
 * @param name - of the run, for the log
 */
export function copyStorable(data: RunSnapshot, name: string): RunSnapshot {
  const { copy, leftOut } = copyWithout(data, 'run');
  logLeftOut(() => name, leftOut);
  return copy;
}

/** @throws PlainDataError if the run holds something that cannot be copied */
export function copySnapshot({ runInput, runContext, runOutput, session }: RunSnapshot): RunSnapshot {
  return {
    runInput: copyPlainData(runInput, 'runInput'),
    runContext: copyPlainData(runContext, 'runContext'),
    runOutput: copyPlainData(runOutput, 'runOutput'),
    session: copyPlainData(session, 'session'),
  };
}
