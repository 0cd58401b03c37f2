/** The one database that the protocol's clients see, whichever store is used. */
export const DATABASE_ID = 'agent-os';

/** The table of sessions, as clients see it. */
export const SESSION_TABLE = 'agent_os_sessions';

/** The table of runs that have settled, as clients see it: the run index. */
export const RUN_TABLE = 'agent_os_runs';

/** The table of evaluations, as clients see it. */
export const EVAL_TABLE = 'agent_os_evaluations';
