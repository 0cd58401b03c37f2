/**
 * The ports of stores: the classes that a store of sessions or of evaluations extends, and the records that it keeps. Inject
 * `SessionStore` or `EvalStore` to read them.
 *
 * @example
 * ```ts
 * class MySessionStore extends SessionStore { … }
 * AgentOsModule.forRoot({ sessionStore: new MySessionStore() });
 * ```
 *
 * @module nestjs-agentos/stores
 */
export type { RecordChanges, SessionChanges } from '../sessions/session.changes.js';
export {
  APPLICATION,
  SessionStore,
  type NewSession,
  type RunSession,
  type SessionFilter,
  type SessionInit,
  type SessionOwner,
  type SessionPage,
  type SessionUpdate,
  type SessionUsage,
  type StoredRun,
  type StoredRunFilter,
  type StoredSession,
  type StoreWithin,
} from '../sessions/session.store.js';
export {
  EvalStore,
  type Evaluation,
  type EvaluationCriteria,
  type EvaluationFilter,
} from '../sessions/eval.store.js';
