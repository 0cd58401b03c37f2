import type { AgentOsExtras, AgentOsOptions, ResolvedAgentOsOptions } from './agent-os.options.js';
import { Component } from './components/component.js';
import { AgentOsConfigurationError } from './errors/agent-os-configuration.error.js';
import { HookExecutor } from './execution/hook.executor.js';
import type { ComponentKind } from './model/component.js';
import { isRunTimeout, RUN_TIMEOUT } from './runs/watch.js';
import { EvalStore } from './sessions/eval.store.js';
import { SessionStore } from './sessions/session.store.js';
import { STORE_TIMEOUT } from './sessions/store.calls.js';

const DEFAULTS = {
  id: 'agent-os',
  name: 'AgentOS',
  agents: [],
  teams: [],
  workflows: [],
  runHooksInBackground: false,
  preHooks: [],
  postHooks: [],
  concurrency: 1_000,
  maxPending: 10_000,
  releaseAfter: 30_000,
  shutdownTimeout: 10_000,
  storeTimeout: STORE_TIMEOUT,
  runTimeout: RUN_TIMEOUT,
  maxRuns: 1_000,
  closeConnections: true,
  onDisconnect: 'finish',
} as const satisfies AgentOsOptions;

const KNOWN = [
  ...Object.keys(DEFAULTS),
  'description',
  'onHookError',
  'executor',
  'onRunError',
  'sessionStore',
  'evalStore',
  'http',
];
const HTTP_DEFAULTS = {
  maxFileSize: 10 * 1024 * 1024,
  maxFiles: 10,
  maxBodyMemory: 256 * 1024 * 1024,
  stallTimeout: 60_000,
} as const satisfies AgentOsOptions['http'];
const KNOWN_HTTP = [
  'securityKey',
  'allowedOrigins',
  'allowedHosts',
  'acceptClientContext',
  ...Object.keys(HTTP_DEFAULTS),
];
/** Options of routes, which must be given before a factory runs. */
const KNOWN_ROUTES = ['prefix', 'guards', 'userId'];

/**
 * Checks the options and adds the defaults.
 *
 * @throws AgentOsConfigurationError naming the option
 */
export function resolveOptions(
  options: AgentOsOptions,
  { http }: Pick<AgentOsExtras, 'http'>,
): ResolvedAgentOsOptions {
  // A factory may have forgotten its return.
  expect('options', typeof options === 'object' && options !== null, 'an object', options);
  checkNames('AgentOsModule', options, KNOWN);
  checkNames('AgentOsModule http', http || {}, [...KNOWN_HTTP, ...KNOWN_ROUTES]);
  checkFactoryHttp(options.http);
  const resolved = {
    ...DEFAULTS,
    ...dropUndefined(options),
    http: { ...HTTP_DEFAULTS, ...dropUndefined(http || {}), ...dropUndefined(options.http ?? {}) },
  };
  checkValues(resolved);
  return resolved;
}

/** Guards returned by a factory come too late and would be ignored silently: the type checker does not reject them. */
function checkFactoryHttp(http: object | false = {}): void {
  if (http === false) throw late('http: false');
  for (const name of KNOWN_ROUTES) if (Object.hasOwn(http, name)) throw late(`http.${name}`);
  checkNames('AgentOsModule http', http, KNOWN_HTTP);
}

function late(option: string): AgentOsConfigurationError {
  return wrong(
    'AgentOsModule',
    `${option} came from the factory, which runs after the routes are made. ` +
      'Put it beside the factory: forRootAsync({ useFactory, http: … })',
  );
}

function checkNames(owner: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw wrong(owner, `unknown option "${name}". Known options: ${known.join(', ')}`);
  }
}

function checkValues(options: ResolvedAgentOsOptions): void {
  for (const name of ['agents', 'teams', 'workflows', 'preHooks', 'postHooks'] as const) {
    expect(name, Array.isArray(options[name]), 'an array', options[name]);
  }
  for (const name of ['agents', 'teams', 'workflows'] as const)
    options[name].forEach((item, index) => checkComponent(`${name}[${index}]`, KINDS[name], item));
  for (const name of ['concurrency', 'maxPending', 'maxRuns'] as const) {
    expect(
      name,
      Number.isInteger(options[name]) && options[name] >= 1,
      'a whole number from 1 on',
      options[name],
    );
  }
  for (const name of ['releaseAfter', 'shutdownTimeout'] as const) {
    expect(name, isDuration(options[name]), 'a number of milliseconds', options[name]);
  }
  const { storeTimeout, runTimeout } = options;
  expect(
    'runTimeout',
    isRunTimeout(runTimeout),
    'a number of milliseconds from 1 to 2147483647, or Infinity',
    runTimeout,
  );
  expect(
    'storeTimeout',
    isDuration(storeTimeout) && storeTimeout > 0,
    'a number of milliseconds above 0',
    storeTimeout,
  );
  checkIdentity(options);
  checkParts(options);
  checkFileLimits(options.http);
  checkOrigins(options.http);
  for (const name of ['runHooksInBackground', 'closeConnections'] as const) {
    expect(name, typeof options[name] === 'boolean', 'a boolean', options[name]);
  }
  const { onDisconnect, http } = options;
  expect('onDisconnect', ['finish', 'cancel'].includes(onDisconnect), '"finish" or "cancel"', onDisconnect);
  for (const name of ['onHookError', 'onRunError'] as const) {
    expect(name, ['function', 'undefined'].includes(typeof options[name]), 'a function', options[name]);
  }
  const { securityKey, acceptClientContext } = http;
  const isFlag = ['boolean', 'undefined'].includes(typeof acceptClientContext);
  expect('http.acceptClientContext', isFlag, 'a boolean', acceptClientContext);
  const isUsable = securityKey === undefined || (typeof securityKey === 'string' && securityKey !== '');
  // The value is a secret: it must not appear in a message.
  if (!isUsable)
    throw wrong('AgentOsModule', 'expected http.securityKey to be a non-empty string, or to be left out');
  // A key read from a file may end with a line break. Headers are trimmed, so no request could ever match it.
  if (securityKey !== securityKey?.trim())
    throw wrong('AgentOsModule', 'expected http.securityKey to have no white space around it');
}

/** The kind of component in each list. */
const KINDS = { agents: 'agent', teams: 'team', workflows: 'workflow' } as const;

function checkComponent(place: string, kind: ComponentKind, item: unknown): void {
  if (item instanceof Component && item.kind === kind) return;
  throw wrong('AgentOsModule', `${place} ${whatIsWrong(kind, item)}`);
}

function whatIsWrong(kind: ComponentKind, item: unknown): string {
  if (item instanceof Component) return `is the ${item.kind} "${item.id}". List it among ${item.kind}s`;
  if (item === undefined) return 'is undefined. If it is imported, look for a circular import';
  const type = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  if (typeof item === 'object' && item !== null && item.constructor.name === type)
    return 'comes from another copy of nestjs-agentos. Install the package once: npm ls nestjs-agentos';
  const what = typeof item === 'function' && item.name !== '' ? ` but ${item.name}` : '';
  return `is no ${kind}${what}. List what new ${type}({ … }) makes`;
}

/** The same format as ids of components. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

function checkIdentity({ id, name, description }: ResolvedAgentOsOptions): void {
  const isId = typeof id === 'string' && ID.test(id);
  expect('id', isId, 'letters, digits, ".", "_" and "-", with a letter or digit first', id);
  expect('name', typeof name === 'string' && name.trim() !== '', 'a text that is not empty', name);
  expect('description', ['string', 'undefined'].includes(typeof description), 'a text', description);
}

/** Files become strings, which have a maximum length. */
const MAX_FILE_SIZE = 256 * 1024 * 1024;

function checkFileLimits({
  maxFileSize,
  maxFiles,
  maxBodyMemory,
  stallTimeout,
}: ResolvedAgentOsOptions['http']): void {
  const isSize = Number.isInteger(maxFileSize) && maxFileSize >= 1 && maxFileSize <= MAX_FILE_SIZE;
  expect('http.maxFileSize', isSize, 'a whole number of bytes, from 1 to 256 MiB', maxFileSize);
  const isCount = Number.isInteger(maxFiles) && maxFiles >= 0;
  expect('http.maxFiles', isCount, 'a whole number from 0 on', maxFiles);
  const isMemory = Number.isInteger(maxBodyMemory) && maxBodyMemory >= 0;
  expect('http.maxBodyMemory', isMemory, 'a whole number of bytes', maxBodyMemory);
  expect('http.stallTimeout', isDuration(stallTimeout), 'a number of milliseconds', stallTimeout);
}

/** Origins are compared literally with the header that browsers send. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$|^null$/;
/** A host name without scheme, port or upper-case letters. */
const HOST = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

function checkOrigins({ allowedOrigins, allowedHosts }: ResolvedAgentOsOptions['http']): void {
  const origins = 'a list of origins as browsers send them, such as "https://app.example.com"';
  checkTexts('http.allowedOrigins', allowedOrigins, isOrigin, origins);
  const hosts = 'a list of names without a port, such as "agents.example.com"';
  checkTexts('http.allowedHosts', allowedHosts, (text) => HOST.test(text), hosts);
}

function isOrigin(text: string): boolean {
  if (!ORIGIN.test(text)) return false;
  return !/^https?:/.test(text) || (URL.canParse(text) && new URL(text).origin === text);
}

function checkTexts(name: string, list: unknown, isRight: (text: string) => boolean, expected: string): void {
  if (list === undefined) return;
  expect(name, Array.isArray(list), expected, list);
  for (const item of list as readonly unknown[]) {
    expect(name, typeof item === 'string' && isRight(item), expected, item);
  }
}

/** A class given in place of an instance would fail only with the first run. */
function checkParts({ executor, sessionStore, evalStore }: ResolvedAgentOsOptions): void {
  const isExecutor = executor === undefined || executor instanceof HookExecutor;
  expect('executor', isExecutor, 'an instance of a HookExecutor', executor);
  const isSessionStore = sessionStore === undefined || sessionStore instanceof SessionStore;
  expect('sessionStore', isSessionStore, 'an instance of a SessionStore', sessionStore);
  const isEvalStore = evalStore === undefined || evalStore instanceof EvalStore;
  expect('evalStore', isEvalStore, 'an instance of an EvalStore', evalStore);
  if (evalStore !== undefined && takesTwo(evalStore, 'rename')) {
    throw wrong(
      'AgentOsModule',
      `rename(id, name) of the evalStore "${evalStore.constructor.name}" takes no owner, so that users could rename the ` +
        'evaluations of others. Take the owner as a third parameter, and look at it in the same step',
    );
  }
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

/** Strings, such as environment variables, would pass a numeric comparison and fail as durations. */
function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < 2 ** 31;
}

function expect(name: string, isRight: boolean, expected: string, value: unknown): void {
  if (!isRight)
    throw wrong(
      'AgentOsModule',
      `expected ${name} to be ${expected}, got ${String(value)} (${typeof value})`,
    );
}

function wrong(owner: string, problem: string): AgentOsConfigurationError {
  return new AgentOsConfigurationError(`${owner}: ${problem}.`);
}

function dropUndefined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
