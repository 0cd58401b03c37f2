/** The one database that the protocol's clients see, whatever store is behind it. */
export const DATABASE_ID = 'agent-os';

/** Where sessions are kept, as clients are told. */
export const SESSION_TABLE = 'agent_os_sessions';

/** Where evaluations are kept, as clients are told. */
export const EVAL_TABLE = 'agent_os_evaluations';
