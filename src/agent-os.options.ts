import type { CanActivate, Type } from '@nestjs/common';

import type { Agent } from './components/agent.js';
import type { Team } from './components/team/team.js';
import type { Workflow } from './components/workflow/workflow.js';
import type { HookExecutor } from './execution/hook.executor.js';
import type { HookErrorHandler } from './hooks/hook-failure.reporter.js';
import type { PostHookContext, PreHookContext } from './hooks/hook.context.js';
import type { HookLike } from './hooks/hook.reference.js';
import type { RunErrorHandler } from './runs/outcome.js';
import type { EvalStore } from './sessions/eval.store.js';
import type { SessionStore } from './sessions/session.store.js';

/** What AgentOS serves and how. All of it may come from a factory. */
export interface AgentOsOptions {
  /** Under which clients know this server: letters, digits, `.`, `_` and `-`. Default `agent-os`. */
  readonly id?: string;
  /** The server's name, for people. Default `AgentOS`. */
  readonly name?: string;
  /** What the server is for, for people. */
  readonly description?: string;
  readonly agents?: readonly Agent[];
  readonly teams?: readonly Team[];
  readonly workflows?: readonly Workflow[];
  /**
   * The switch: hooks whose decorator says nothing run in the background, in agents, teams and their members to any
   * depth, and workflow steps. Guardrails and hooks marked `@Hook(false)` stay inline. Default false.
   */
  readonly runHooksInBackground?: boolean;
  /** Run before the own pre-hooks of every root run; with `hookRef(…, { members: true })` of members and steps too. */
  readonly preHooks?: readonly HookLike<PreHookContext>[];
  /** Run after the own post-hooks of every root run; with `hookRef(…, { members: true })` of members and steps too. */
  readonly postHooks?: readonly HookLike<PostHookContext>[];
  /** Run trees whose background hooks proceed at once. Default 1,000: hooks mostly wait. Lower it to spare what they call. */
  readonly concurrency?: number;
  /**
   * Run trees whose background hooks are held, released or not. Beyond it a run's hooks run before its result is
   * handed back. Default 10,000.
   */
  readonly maxPending?: number;
  /**
   * Milliseconds that a response may stay open after its run has settled before the hooks are released without it
   * (with `delivered: false`). Default 30,000.
   */
  readonly releaseAfter?: number;
  /** Milliseconds that shutdown waits, for runs first and for their hooks then. Default 10,000. */
  readonly shutdownTimeout?: number;
  /**
   * Whether shutdown closes the HTTP connections of the application's server: at its start those that are idle or
   * have sent no whole request, the others after their last answer. With `false` a client that keeps its connection
   * alive, or says nothing, delays the end of the application. Upgraded sockets (WebSockets) are left to the host.
   * Default true.
   */
  readonly closeConnections?: boolean;
  /** Whether a run whose client leaves is finished (the default) or cancelled. */
  readonly onDisconnect?: 'finish' | 'cancel';
  /** Is told of every failed hook execution, once, besides the log. */
  readonly onHookError?: HookErrorHandler;
  /**
   * Takes the background hooks of settled runs and runs them. Default: in this process, from memory, within
   * `concurrency` and `maxPending`. An executor of your own has limits of its own; it belongs to one application, which
   * stops it at shutdown.
   *
   * @example `executor: new QueueHookExecutor(queue)`
   */
  readonly executor?: HookExecutor;
  /**
   * Is told of every run that failed, once, with its cause: besides the log, and whatever clients may read. Runs that
   * were rejected or cancelled have not failed. Its own errors are logged.
   */
  readonly onRunError?: RunErrorHandler;
  /**
   * Where sessions are kept. Default: in memory, bounded. A factory gets it injected under its own class, such as
   * `SqlSessionStore`: `SessionStore` names the one that this module provides.
   */
  readonly sessionStore?: SessionStore;
  /** Where judges' evaluations are kept. Default: in memory, bounded. */
  readonly evalStore?: EvalStore;
  /**
   * Milliseconds that a run may take, unless its component has a `timeout`; `Infinity` for no limit. Then it fails with a
   * `RunTimeoutError` (504). Default 600,000: ten minutes.
   */
  readonly runTimeout?: number;
  /**
   * Runs in flight at once. One more is refused with a `TooManyRunsError` (503). Members, steps and runs that hooks start
   * do not count and are never refused. Default 1,000.
   */
  readonly maxRuns?: number;
  /**
   * Milliseconds that each call of a store may take, those of your own code on the injected stores included. A call
   * that takes longer rejects with a `StoreTimeoutError` and counts as one that failed; what it answers later is
   * ignored and logged. Calls of an executor of your own are waited for as long while none of its hooks runs.
   * Default 10,000.
   */
  readonly storeTimeout?: number;
  /** What the HTTP routes need to know while they run. */
  readonly http?: AgentOsHttpOptions;
}

/** What the HTTP routes need to know while they run. */
export interface AgentOsHttpOptions {
  /** Requests must bring it: `Authorization: Bearer <key>`. `GET /`, `/health` and `/info` stay open. */
  readonly securityKey?: string;
  /**
   * Origins of the web pages that may use the routes, such as `http://localhost:3000`, written as browsers send them.
   * Requests of other pages get 403, but for those of this server itself under a local name, an address or one of
   * `allowedHosts`; clients that are no browsers send no origin and pass. Browsers need the application's CORS besides.
   * Default: pages of all origins, which can send forms to routes that are open, and to those whose guards look at
   * cookies.
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * Names under which the server may be asked, such as `agents.example.com`; requests for other names get 403.
   * `localhost` and addresses are always among them, so that `[]` is right on a developer's machine: there a page of the
   * internet could otherwise let a name of its own point to the server, and read its answers. Default: all names.
   */
  readonly allowedHosts?: readonly string[];
  /** Whether clients may send `dependencies`, `session_state` and URLs of files. Default false. */
  readonly acceptClientContext?: boolean;
  /** Bytes that one file of a run may have. Default 10 MiB. */
  readonly maxFileSize?: number;
  /** Files that one run may bring; 0 for none. They are held in memory. Default 10. */
  readonly maxFiles?: number;
  /**
   * Bytes of memory that the multipart bodies of all requests may take together while they are read and until they are
   * answered, besides 1 MiB for each; more is answered with 503. One that is alone may take what its files may.
   * Default 256 MiB.
   */
  readonly maxBodyMemory?: number;
  /**
   * Milliseconds that a client may take nothing of its answer, or send nothing of its form, before it is let go: its
   * connection is closed, and its run goes on as `onDisconnect` says. A time-out that the server has set on its
   * connections counts in its place. Default 60,000; 0 for no limit.
   */
  readonly stallTimeout?: number;
}

/** What decides whether there are HTTP routes, where, and who may use them. */
export interface AgentOsRouteOptions {
  /** Put before every route: `os` makes `POST /os/agents/:id/runs`. */
  readonly prefix?: string;
  /** The host's own guards, classes (resolved from the container) or instances, in this order. */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[];
  /**
   * The id of the user who makes the request, undefined if there is none, or a promise; overrides the form's `user_id`. Asked
   * once for each request, after the guards. Anything else, an empty text included, answers the request with 500.
   */
  readonly userId?: (request: never) => string | undefined | Promise<string | undefined>;
}

/** What decides the module's wiring and must be known before any factory has run. */
export interface AgentOsExtras {
  /** Makes `AgentOsService` available in every module. Default false. */
  readonly isGlobal?: boolean;
  /** `false`: no HTTP routes. */
  readonly http?: false | (AgentOsRouteOptions & AgentOsHttpOptions);
  /** `'manual'`: you put `AgentOsInterceptor` where components are run. Default `'global'`. */
  readonly interceptor?: 'global' | 'manual';
}

/** The options with their defaults. */
export type ResolvedAgentOsOptions = Required<
  Omit<
    AgentOsOptions,
    'description' | 'onHookError' | 'onRunError' | 'executor' | 'sessionStore' | 'evalStore' | 'http'
  >
> &
  Pick<
    AgentOsOptions,
    'description' | 'onHookError' | 'onRunError' | 'executor' | 'sessionStore' | 'evalStore'
  > & {
    readonly http: AgentOsHttpOptions &
      Required<Pick<AgentOsHttpOptions, 'maxFileSize' | 'maxFiles' | 'maxBodyMemory' | 'stallTimeout'>>;
  };
