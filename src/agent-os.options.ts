import type { CanActivate, Type } from '@nestjs/common';

import type { Agent } from './components/agent.js';
import type { Team } from './components/team/team.js';
import type { Workflow } from './components/workflow/workflow.js';
import type { ContextCarry } from './execution/hook.carry.js';
import type { HookExecutor, HookExecutorRole } from './execution/hook.executor.js';
import type { HookErrorHandler } from './hooks/hook-failure.reporter.js';
import type { PostHookContext, PreHookContext } from './hooks/hook.context.js';
import type { HookLike } from './hooks/hook.reference.js';
import type { RunErrorHandler } from './runs/outcome.js';
import type { EvalStore } from './sessions/eval.store.js';
import type { SessionStore } from './sessions/session.store.js';

/** The options of AgentOS. All of them may come from a factory. */
export interface AgentOsOptions {
  /** The server's id for clients: letters, digits, `.`, `_` and `-`. Default `agent-os`. */
  readonly id?: string;
  /** The server's name, for people. Default `AgentOS`. */
  readonly name?: string;
  /** The server's description, for people. */
  readonly description?: string;
  readonly agents?: readonly Agent[];
  readonly teams?: readonly Team[];
  readonly workflows?: readonly Workflow[];
  /**
   * Whether hooks whose decorator sets no mode run in the background: those of agents, of teams and their members at
   * any depth, and of workflow steps. Guardrails and hooks marked `@Hook(false)` stay inline. Default false.
   */
  readonly runHooksInBackground?: boolean;
  /** Run before each root run's own pre-hooks; with `hookRef(…, { members: true })` also for members and steps. */
  readonly preHooks?: readonly HookLike<PreHookContext>[];
  /** Run after each root run's own post-hooks; with `hookRef(…, { members: true })` also for members and steps. */
  readonly postHooks?: readonly HookLike<PostHookContext>[];
  /**
   * The maximum number of run trees whose background hooks run concurrently. Default 1,000, since hooks mostly wait.
   * Lower it to protect the services that they call.
   */
  readonly concurrency?: number;
  /**
   * The maximum number of run trees whose background hooks are pending, released or not. Beyond it a run's hooks run
   * before its result is returned. Default 10,000.
   */
  readonly maxPending?: number;
  /**
   * Milliseconds that a response may stay open after its run has settled before the hooks are released without it
   * (with `delivered: false`). Default 30,000.
   */
  readonly releaseAfter?: number;
  /** Milliseconds that shutdown waits, first for runs and then for their hooks. Default 10,000. */
  readonly shutdownTimeout?: number;
  /**
   * Whether shutdown closes the HTTP connections of the application's server: at its start those that are idle or
   * have not sent a complete request, the others after their last answer. With `false`, a client that keeps its
   * connection alive or sends nothing delays the end of the application. Upgraded sockets (WebSockets) are left to the
   * host. Default true.
   */
  readonly closeConnections?: boolean;
  /** Whether a run is finished (the default) or cancelled when its client disconnects. */
  readonly onDisconnect?: 'finish' | 'cancel';
  /** Called once for every failed hook execution, in addition to the log. */
  readonly onHookError?: HookErrorHandler;
  /**
   * Runs the background hooks of settled runs. Default: in this process, from memory, within `concurrency` and
   * `maxPending`. A custom executor has its own limits; it belongs to one application, which stops it at shutdown.
   *
   * @example `executor: new QueueHookExecutor(queue)`
   */
  readonly executor?: HookExecutor;
  /**
   * Takes context of the host, such as a tenant, to background hooks that another process runs. Without it they get
   * none; hooks in the process see the AsyncLocalStorage values of their request.
   */
  readonly carry?: ContextCarry;
  /**
   * Called once for every failed run, with its cause, in addition to the log and independent of the client's response.
   * Rejected and cancelled runs have not failed. Errors of the handler are logged.
   */
  readonly onRunError?: RunErrorHandler;
  /**
   * Spans, events and metrics. They appear if `@opentelemetry/api` is installed and the application registers a tracer
   * or a meter before it starts.
   *
   * @example `telemetry: { hookSpans: 'child' }`
   */
  readonly telemetry?: {
    /** Whether there are any. Default true. */
    readonly enabled?: boolean;
    /**
     * The spans of background hooks: `'linked'` (the default) makes each one the root of a trace of its own, linked to the
     * run, which ends with the response; `'child'` puts them below the run, into the trace of the request.
     */
    readonly hookSpans?: 'linked' | 'child';
    /**
     * Whether spans hold the inputs and answers of runs and tools, and events the reasons of judges. Data that guardrails
     * have refused or not seen are left out. Default false.
     */
    readonly content?: boolean;
  };
  /**
   * The store of sessions. Default: in memory, bounded. A factory must inject it under its own class, such as
   * `SqlSessionStore`: the token `SessionStore` is the one that this module provides.
   */
  readonly sessionStore?: SessionStore;
  /** The store of judges' evaluations. Default: in memory, bounded. */
  readonly evalStore?: EvalStore;
  /**
   * Milliseconds that a run may take, unless its component has a `timeout`; `Infinity` for no limit. A run that takes
   * longer fails with a `RunTimeoutError` (504). Default 600,000: ten minutes.
   */
  readonly runTimeout?: number;
  /**
   * The maximum number of runs in flight. Further runs are refused with a `TooManyRunsError` (503). Members, steps and
   * runs that hooks start do not count and are never refused. Default 1,000.
   */
  readonly maxRuns?: number;
  /**
   * Milliseconds that each call of a store may take, including calls of your own code on the injected stores. A call
   * that takes longer rejects with a `StoreTimeoutError` and counts as failed; its late result is ignored and logged.
   * The limit also applies to calls of a custom executor, while none of its hooks runs. Default 10,000.
   */
  readonly storeTimeout?: number;
  /** The options that HTTP routes read at run time. */
  readonly http?: AgentOsHttpOptions;
}

/** The options that HTTP routes read at run time. */
export interface AgentOsHttpOptions {
  /** The key that requests must send: `Authorization: Bearer <key>`. `GET /`, `/health` and `/info` stay open. */
  readonly securityKey?: string;
  /**
   * Origins of the web pages that may use the routes, such as `http://localhost:3000`, written as browsers send them.
   * Requests of other pages get 403, except pages of this server itself under a local name, an address or one of
   * `allowedHosts`. Clients other than browsers send no origin and pass. Browsers also need the application's CORS
   * settings. Default: all origins; their pages can send forms to routes that are open or whose guards check cookies.
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * Host names that requests may use, such as `agents.example.com`; requests with other names get 403. `localhost` and
   * IP addresses are always allowed, so `[]` is right on a developer's machine: it prevents DNS rebinding, in which a
   * web page lets a host name of its own point to the server and reads its answers. Default: all names.
   */
  readonly allowedHosts?: readonly string[];
  /** Whether clients may send `dependencies`, `session_state` and URLs of files. Default false. */
  readonly acceptClientContext?: boolean;
  /** The maximum size of a file in bytes. Default 10 MiB. */
  readonly maxFileSize?: number;
  /** The maximum number of files per run; 0 for none. They are held in memory. Default 10. */
  readonly maxFiles?: number;
  /**
   * Bytes of memory that the multipart bodies of all requests may take together, from reading until the answer, not
   * counting 1 MiB for each. Requests beyond it get 503. A request that is alone may always use its file limits.
   * Default 256 MiB.
   */
  readonly maxBodyMemory?: number;
  /**
   * Milliseconds that a client may pause while it reads its answer or sends its form. Then its connection is closed,
   * and its run follows `onDisconnect`. A timeout that the server sets on its connections takes precedence. Default
   * 60,000; 0 for no limit.
   */
  readonly stallTimeout?: number;
}

/** The options that define the HTTP routes: their prefix, guards and users. */
export interface AgentOsRouteOptions {
  /** The prefix of every route: `os` results in `POST /os/agents/:id/runs`. */
  readonly prefix?: string;
  /**
   * Whether `GET /dashboard` serves a page that shows runs, hooks and evaluations, and lets people try components. The
   * page is open, its data are behind the key and guards of the other routes. Default false.
   */
  readonly dashboard?: boolean;
  /** The application's guards, classes (resolved from the container) or instances, in this order. */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[];
  /**
   * Returns the id of the request's user, undefined if there is none, or a promise; overrides the form's `user_id`.
   * Called once per request, after the guards. Any other result, including an empty text, ends the request with 500.
   */
  readonly userId?: (request: never) => string | undefined | Promise<string | undefined>;
}

/** The options for the module's wiring, which are needed before any factory runs. */
export interface AgentOsExtras {
  /** Makes `AgentOsService` available in every module. Default false. */
  readonly isGlobal?: boolean;
  /** `false`: no HTTP routes. */
  readonly http?: false | (AgentOsRouteOptions & AgentOsHttpOptions);
  /** `'manual'`: you apply `AgentOsInterceptor` to the handlers that run components. Default `'global'`. */
  readonly interceptor?: 'global' | 'manual';
  /**
   * `'server'`: stores background hooks and leaves them to workers. `'worker'`: runs the hooks of other processes and
   * has no routes. Both need an `executor` with a store that processes share. Default `'both'`.
   */
  readonly role?: HookExecutorRole;
}

/** The options with their defaults. */
export type ResolvedAgentOsOptions = Required<
  Omit<
    AgentOsOptions,
    | 'description'
    | 'onHookError'
    | 'onRunError'
    | 'executor'
    | 'carry'
    | 'sessionStore'
    | 'evalStore'
    | 'http'
    | 'telemetry'
  >
> &
  Pick<
    AgentOsOptions,
    'description' | 'onHookError' | 'onRunError' | 'executor' | 'carry' | 'sessionStore' | 'evalStore'
  > & {
    readonly telemetry: Required<NonNullable<AgentOsOptions['telemetry']>>;
    readonly http: AgentOsHttpOptions &
      Required<Pick<AgentOsHttpOptions, 'maxFileSize' | 'maxFiles' | 'maxBodyMemory' | 'stallTimeout'>>;
  };
