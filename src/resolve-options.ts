import { z } from 'zod';

import type {
  AgentOsExtras,
  AgentOsHttpOptions,
  AgentOsOptions,
  AgentOsRouteOptions,
  ResolvedAgentOsOptions,
} from './agent-os.options.js';
import type { Agent } from './components/agent.js';
import { Component } from './components/component.js';
import type { Team } from './components/team/team.js';
import type { Workflow } from './components/workflow/workflow.js';
import { isRecord } from './data/is-record.js';
import { withoutUndefined } from './data/without-undefined.js';
import type { ContextCarry } from './execution/hook.carry.js';
import { HookExecutor } from './execution/hook.executor.js';
import type { HookErrorHandler } from './hooks/hook-failure.reporter.js';
import type { PostHookContext, PreHookContext } from './hooks/hook.context.js';
import type { HookLike } from './hooks/hook.reference.js';
import type { ComponentKind } from './model/component-identity.js';
import { showValue } from './model/show-value.js';
import { checkOptions } from './options/check.options.js';
import {
  arrayOf,
  flag,
  functionOf,
  id,
  instanceOf,
  milliseconds,
  oneOf,
  optionsOf,
  text,
  valueOf,
  valueWith,
  wholeNumber,
} from './options/option.schemas.js';
import type { RunErrorHandler } from './runs/outcome.js';
import { RUN_TIMEOUT, runTimeout } from './runs/watch.js';
import { EvalStore } from './sessions/eval.store.js';
import { SessionStore } from './sessions/session.store.js';
import { STORE_TIMEOUT } from './sessions/store.calls.js';

/** Files become strings, which have a maximum length. */
const MAX_FILE_SIZE = 256 * 1024 * 1024;

const HTTP_OPTIONS = {
  securityKey: valueWith<string>(problemOfKey).optional(),
  allowedOrigins: z
    .array(valueOf<string>('an origin as browsers send it, such as "https://app.example.com"', isOrigin))
    .describe('a list of origins as browsers send them, such as "https://app.example.com"')
    .readonly()
    .optional(),
  allowedHosts: z
    .array(valueOf<string>('a name without a port, such as "agents.example.com"', isHost))
    .describe('a list of names without a port, such as "agents.example.com"')
    .readonly()
    .optional(),
  acceptClientContext: flag().optional(),
  maxFileSize: z
    .int()
    .min(1)
    .max(MAX_FILE_SIZE)
    .describe('a whole number of bytes, from 1 to 256 MiB')
    .default(10 * 1024 * 1024),
  maxFiles: wholeNumber(0).default(10),
  maxBodyMemory: z
    .int()
    .min(0)
    .describe('a whole number of bytes')
    .default(256 * 1024 * 1024),
  stallTimeout: milliseconds(0).default(60_000),
};

const ROUTE_OPTIONS = {
  prefix: valueOf<string>('a text', (value) => typeof value === 'string').optional(),
  dashboard: flag().optional(),
  guards: arrayOf<NonNullable<AgentOsRouteOptions['guards']>[number]>().optional(),
  userId: functionOf<NonNullable<AgentOsRouteOptions['userId']>>().optional(),
};

/** The options that are given beside a factory. */
export const WIRING_OPTIONS = {
  isGlobal: flag().optional(),
  http: optionsOf<AgentOsHttpOptions & AgentOsRouteOptions>()({ ...HTTP_OPTIONS, ...ROUTE_OPTIONS })
    .describe('false or an object of options')
    .optional(),
  interceptor: oneOf('global', 'manual').optional(),
  role: oneOf('server', 'worker', 'both').optional(),
} satisfies Readonly<Record<keyof AgentOsExtras, z.ZodType>>;

const HTTP = z.strictObject({ http: WIRING_OPTIONS.http.unwrap() });

const OPTIONS = optionsOf<AgentOsOptions>()({
  id: id().default('agent-os'),
  name: text().default('AgentOS'),
  description: valueOf<string>('a text', (value) => typeof value === 'string').optional(),
  agents: componentsOf<Agent>('agent').default([]),
  teams: componentsOf<Team>('team').default([]),
  workflows: componentsOf<Workflow>('workflow').default([]),
  runHooksInBackground: flag().default(false),
  preHooks: arrayOf<HookLike<PreHookContext>>().default([]),
  postHooks: arrayOf<HookLike<PostHookContext>>().default([]),
  concurrency: wholeNumber(1).default(1_000),
  maxPending: wholeNumber(1).default(10_000),
  releaseAfter: milliseconds(0).default(30_000),
  shutdownTimeout: milliseconds(0).default(10_000),
  storeTimeout: milliseconds(1).default(STORE_TIMEOUT),
  runTimeout: runTimeout().default(RUN_TIMEOUT),
  maxRuns: wholeNumber(1).default(1_000),
  closeConnections: flag().default(true),
  onDisconnect: oneOf('finish', 'cancel').default('finish'),
  onHookError: functionOf<HookErrorHandler>().optional(),
  executor: instanceOf(HookExecutor).optional(),
  carry: valueOf<ContextCarry>('an object with capture() and run()', isCarry).optional(),
  onRunError: functionOf<RunErrorHandler>().optional(),
  telemetry: optionsOf<NonNullable<AgentOsOptions['telemetry']>>()({
    enabled: flag().default(true),
    hookSpans: oneOf('linked', 'child').default('linked'),
    content: flag().default(false),
  })
    .describe('an object of options')
    .default({ enabled: true, hookSpans: 'linked', content: false }),
  sessionStore: instanceOf(SessionStore).optional(),
  evalStore: evalStoreOption().optional(),
  // Checked when those beside the factory are known, too.
  http: valueWith<AgentOsHttpOptions>(problemOfFactoryHttp).optional(),
});

/**
 * Checks the options and adds the defaults.
 *
 * @throws AgentOsConfigurationError naming the option
 */
export function resolveOptions(
  options: AgentOsOptions,
  { http: beside }: Pick<AgentOsExtras, 'http'>,
): ResolvedAgentOsOptions {
  const checked = checkOptions('AgentOsModule', OPTIONS, options);
  const given = { ...withoutUndefined(beside || {}), ...withoutUndefined(checked.http ?? {}) };
  const { http } = checkOptions('AgentOsModule', HTTP, { http: given });
  return { ...checked, http };
}

/** Guards returned by a factory come too late and would be ignored silently: the type checker does not reject them. */
function problemOfFactoryHttp(http: unknown): string | undefined {
  if (http === false) return late('http: false');
  if (typeof http !== 'object' || http === null)
    return `expected http to be an object of options, got ${showValue(http)}.`;
  const name = Object.keys(ROUTE_OPTIONS).find((route) => Object.hasOwn(http, route));
  return name === undefined ? undefined : late(`http.${name}`);
}

function late(option: string): string {
  return (
    `${option} is a result of the factory, which runs after the routes are created. ` +
    'Set it beside the factory: forRootAsync({ useFactory, http: … }).'
  );
}

/** The value is a secret: it must not appear in a message. */
function problemOfKey(key: unknown): string | undefined {
  if (typeof key !== 'string' || key === '')
    return 'expected http.securityKey to be a non-empty string, or to be left out.';
  // A key read from a file may end with a line break. Headers are trimmed, so no request could ever match it.
  return key === key.trim() ? undefined : 'expected http.securityKey to have no white space around it.';
}

/** Components of one kind. */
function componentsOf<T extends Component>(kind: ComponentKind): z.ZodCustom<readonly T[], readonly T[]> {
  return valueWith((list) => {
    if (!Array.isArray(list)) return `expected ${kind}s to be an array, got ${showValue(list)}.`;
    const index = list.findIndex((item) => !(item instanceof Component && item.kind === kind));
    return index < 0 ? undefined : `${kind}s[${index}] ${describeMistake(kind, list[index])}.`;
  });
}

function describeMistake(kind: ComponentKind, item: unknown): string {
  if (item instanceof Component) return `is the ${item.kind} "${item.id}". List it among ${item.kind}s`;
  if (item === undefined) return 'is undefined. If it is imported, look for a circular import';
  const type = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  if (typeof item === 'object' && item !== null && item.constructor.name === type)
    return 'comes from another copy of nestjs-agentos. Install the package once: npm ls nestjs-agentos';
  const what =
    typeof item === 'function' && item.name !== '' ? `, but the class or function ${item.name}` : '';
  return `is not ${kind === 'agent' ? 'an' : 'a'} ${kind}${what}. List the result of new ${type}({ … })`;
}

function isCarry(value: unknown): boolean {
  return isRecord(value) && ['capture', 'run'].every((name) => typeof value[name] === 'function');
}

/** Origins are compared literally with the header that browsers send. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$|^null$/;
/** A host name without scheme, port or upper-case letters. */
const HOST = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

function isOrigin(value: unknown): boolean {
  if (typeof value !== 'string' || !ORIGIN.test(value)) return false;
  return !/^https?:/.test(value) || (URL.canParse(value) && new URL(value).origin === value);
}

function isHost(value: unknown): boolean {
  return typeof value === 'string' && HOST.test(value);
}

/** A class given in place of an instance would fail only with the first run. */
function evalStoreOption(): z.ZodCustom<EvalStore, EvalStore> {
  return instanceOf(EvalStore).superRefine((store, context) => {
    if (!takesTwo(store, 'rename')) return;
    const problem =
      `rename(id, name) of the evalStore "${store.constructor.name}" has no parameter for the owner, so users could rename the ` +
      'evaluations of other users. Add the owner as a third parameter, and check it in the same step.';
    context.addIssue({ code: 'custom', message: problem, params: { problem } });
  });
}

/** Whether a function certainly takes two arguments: `length` ignores rest parameters and those with defaults. */
function takesTwo<K extends string>(
  store: Readonly<Record<K, (...given: never[]) => unknown>>,
  name: K,
): boolean {
  const method = store[name];
  const [parameters = ''] = /\([^)]*\)/.exec(String(method)) ?? [];
  return method.length === 2 && !/=|\.\.\./.test(parameters) && !/\barguments\b/.test(String(method));
}
