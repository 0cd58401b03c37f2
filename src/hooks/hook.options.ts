import type { HookRate } from '../execution/hook.limits.js';
import type { RunOutcome } from '../model/run-output.js';
import type { PostHookContext } from './hook.context.js';

/** How often and how soon a background hook that failed is tried again. */
export interface HookRetryOptions {
  /** Attempts in all, the first included: at least 2. */
  readonly attempts: number;
  /** Milliseconds before the second attempt, doubled before each further one. Default 1,000. */
  readonly backoff?: number;
}

/** The options of `@Hook`. */
export interface HookOptions {
  /**
   * `true`: after the response. `false`: inline, even under the module's `runHooksInBackground`. Left out: as that
   * switch says. Without effect when a component is run outside AgentOS, where all hooks are inline.
   */
  readonly runInBackground?: boolean;
  /** In events, logs and the ledger. Default: the method's name. */
  readonly name?: string;
  /** Milliseconds for one attempt. Default 30,000 inline and 60,000 in the background. */
  readonly timeout?: number;
  /** Background only. Attempts keep the execution id and are made before the next hook of the run starts. */
  readonly retry?: HookRetryOptions;
  /**
   * Background only: the maximum number of executions of this hook that run at one time, whichever component they belong
   * to. With a durable executor it holds for all processes. An execution that waits holds up the later hooks of its run
   * only, and its `timeout` begins when it starts. Default: no limit.
   *
   * @example `@Hook({ runInBackground: true, concurrency: 2, rate: { max: 50, per: 60_000 } })`
   */
  readonly concurrency?: number;
  /**
   * Background only: at most `max` starts of this hook within any `per` milliseconds, in the same way as `concurrency`. Each
   * further attempt of `retry` is a start, too. Default: no limit.
   */
  readonly rate?: HookRate;
  /**
   * Background only: of the executions of this hook of a component that wait and have the same key, only the last one is kept;
   * the others are skipped with the reason `superseded`. With a durable executor it holds for all processes. Called once,
   * when the run has settled, with a context of its own. It returns a text of 1 to 255 characters; if it throws or
   * returns another value, the hook fails, and the run does not.
   *
   * @example `@Hook({ runInBackground: true, key: ({ session }) => session.id })`
   */
  readonly key?: HookKey;
  /** Background only: the outcomes of the run that release the hook. Default `['completed']`. */
  readonly on?: readonly RunOutcome[];
  /**
   * Runs the hook only if it returns true, or a promise of true. It gets the hook's context; for a pre-hook,
   * inline, `runOutput` is still empty. An answer that is neither true nor false is an error of the hook.
   *
   * @example `@Hook({ runInBackground: true, when: sampled(0.1) })`
   */
  readonly when?: HookCondition;
  /**
   * Inline only: the effect on the run of an error that is neither a check error nor an `HttpException`.
   * Default `'fail'` for pre-hooks and `'continue'` for post-hooks.
   */
  readonly onError?: 'fail' | 'continue';
}

/** The options of `@Guardrail`. A guardrail is always inline, and the run ends if it fails in any way. */
export interface GuardrailOptions {
  /** In events, logs and the ledger. Default: the method's name. */
  readonly name?: string;
  /** Milliseconds; a guardrail that takes longer blocks the run. Default 30,000. */
  readonly timeout?: number;
  /**
   * The guardrail applies unless this returns false, or a promise of false: any other answer, or none, applies it. If
   * it throws, the run is blocked.
   */
  readonly when?: HookCondition;
  /**
   * For guardrails of the output: `'hold'` (the default) keeps streamed content back until the guardrail has passed;
   * `'pass'` streams at once, so that a rejected answer may have been seen.
   */
  readonly stream?: 'hold' | 'pass';
}

/** Returns the key of an execution: waiting executions with one key replace each other. */
export type HookKey = (context: PostHookContext) => string;

/** Decides for each run whether a hook runs. */
export type HookCondition = (context: PostHookContext) => boolean | Promise<boolean>;
