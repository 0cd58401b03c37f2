import type { RunContext } from './run-context.js';
import type { RunInput } from './run-input.js';
import type { RunOutput } from './run-output.js';
import type { Session } from './session.js';

/** A settled run: copies that nothing changes any more, from which every background hook gets its own. */
export interface RunSnapshot {
  readonly runInput: RunInput;
  readonly runContext: RunContext;
  readonly runOutput: RunOutput;
  readonly session: Session;
}
