import { describe, expect, it } from '@jest/globals';
import { AgentOsConfigurationError, InMemoryEvalStore, type AgentOsOptions } from 'nestjs-agentos';
import type { EvalStore } from 'nestjs-agentos/stores';

import { resolveOptions } from '../../src/resolve-options.js';

type Http = Parameters<typeof resolveOptions>[1]['http'];

function resolve(options: unknown = {}, http?: Http): ReturnType<typeof resolveOptions> {
  return resolveOptions(options as AgentOsOptions, http === undefined ? {} : { http });
}

describe('resolveOptions()', () => {
  it('adds the defaults that the options document', () => {
    expect(resolve()).toStrictEqual({
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
      storeTimeout: 10_000,
      runTimeout: 600_000,
      maxRuns: 1_000,
      closeConnections: true,
      onDisconnect: 'finish',
      telemetry: { enabled: true, hookSpans: 'linked', content: false },
      http: { maxFileSize: 10_485_760, maxFiles: 10, maxBodyMemory: 268_435_456, stallTimeout: 60_000 },
    });
  });

  it('prefers given values, except undefined', () => {
    const onHookError = (): void => {};
    const given = {
      concurrency: 1,
      maxPending: 2,
      releaseAfter: 0,
      shutdownTimeout: 0,
      onDisconnect: 'cancel',
    };
    const undefinedOnes = { runHooksInBackground: undefined, agents: undefined, onHookError: undefined };
    expect(resolve({ ...given, onHookError })).toMatchObject({ ...given, onHookError });
    expect(resolve({ ...given, ...undefinedOnes })).toMatchObject({
      ...given,
      runHooksInBackground: false,
      agents: [],
    });
  });

  it('leaves the given options unchanged', () => {
    const given = Object.freeze({ concurrency: 5, http: Object.freeze({ securityKey: 'key' }) });
    resolve(given, Object.freeze({ acceptClientContext: true }));
    expect(given).toEqual({ concurrency: 5, http: { securityKey: 'key' } });
  });

  it('takes the options of requests from beside the factory and from its result, which wins', () => {
    const beside = { securityKey: 'beside', acceptClientContext: true, prefix: 'os', maxFiles: 3 };
    const limits = { maxBodyMemory: 268_435_456, stallTimeout: 60_000 };
    const defaults = { maxFileSize: 10_485_760, maxFiles: 10, ...limits };
    const merged = { ...defaults, ...beside };
    expect([
      resolve({}, beside).http,
      resolve({ http: { securityKey: 'factory' } }, beside).http,
      resolve({ http: { securityKey: undefined } }, beside).http,
      resolve({}, { ...beside, maxFiles: undefined }).http,
      resolve({}, false).http,
    ]).toEqual([
      merged,
      { ...merged, securityKey: 'factory' },
      merged,
      { ...merged, maxFiles: 10 },
      defaults,
    ]);
  });

  it.each([
    [
      { runHooksInBackgroud: true },
      undefined,
      'AgentOsModule: unknown option "runHooksInBackgroud". Known options: id, ',
    ],
    [
      { http: { key: 'x' } },
      undefined,
      'AgentOsModule: unknown option "key" in http. Known options: securityKey, ',
    ],
    [{}, { guard: [] }, 'AgentOsModule: unknown option "guard" in http. Known options: securityKey, '],
  ])('refuses unknown options: %j beside %j', (options, http, message) => {
    expect(() => resolve(options, http as Http)).toThrow(message);
  });

  it.each([
    ['id', 'my os', 'letters, digits, ".", "_" and "-", with a letter or digit first', '"my os"'],
    ['id', '', 'letters, digits, ".", "_" and "-", with a letter or digit first', '""'],
    ['id', 7, 'letters, digits, ".", "_" and "-", with a letter or digit first', '7 (number)'],
    ['name', ' ', 'a text that is not empty', '" "'],
    ['name', null, 'a text that is not empty', 'null'],
    ['description', 7, 'a text', '7 (number)'],
    ['agents', {}, 'an array', 'an object'],
    ['teams', null, 'an array', 'null'],
    ['workflows', 'triage', 'an array', '"triage"'],
    ['preHooks', true, 'an array', 'true (boolean)'],
    ['postHooks', 0, 'an array', '0 (number)'],
    ['concurrency', 0, 'a whole number from 1 on', '0 (number)'],
    ['concurrency', 1.5, 'a whole number from 1 on', '1.5 (number)'],
    ['concurrency', '10', 'a whole number from 1 on', '"10"'],
    ['concurrency', Infinity, 'a whole number from 1 on', 'Infinity (number)'],
    ['maxPending', 0, 'a whole number from 1 on', '0 (number)'],
    ['maxPending', NaN, 'a whole number from 1 on', 'NaN (number)'],
    ['releaseAfter', -1, 'a number of milliseconds from 0 to 2147483647', '-1 (number)'],
    ['releaseAfter', 2 ** 31, 'a number of milliseconds from 0 to 2147483647', '2147483648 (number)'],
    ['releaseAfter', '30000', 'a number of milliseconds from 0 to 2147483647', '"30000"'],
    ['shutdownTimeout', null, 'a number of milliseconds from 0 to 2147483647', 'null'],
    ['shutdownTimeout', NaN, 'a number of milliseconds from 0 to 2147483647', 'NaN (number)'],
    ['runHooksInBackground', 'true', 'true or false', '"true"'],
    ['closeConnections', 'yes', 'true or false', '"yes"'],
    ['onDisconnect', 'ignore', '"finish" or "cancel"', '"ignore"'],
    ['executor', 'bullmq', 'an instance of a HookExecutor', '"bullmq"'],
    ['sessionStore', 'postgres', 'an instance of a SessionStore', '"postgres"'],
    ['evalStore', {}, 'an instance of an EvalStore', 'an object'],
    ['onHookError', 'log', 'a function', '"log"'],
    ['onHookError', null, 'a function', 'null'],
    ['telemetry', false, 'an object of options', 'false (boolean)'],
  ])('refuses a wrong %s: %p', (name, value, expected, got) => {
    expect(() => resolve({ [name]: value })).toThrow(
      new AgentOsConfigurationError(`AgentOsModule: expected ${name} to be ${expected}, got ${got}.`),
    );
  });

  it.each([
    ['hookSpans', 'root', '"linked" or "child"', '"root"'],
    ['content', 'yes', 'true or false', '"yes"'],
    ['enabled', 0, 'true or false', '0 (number)'],
  ])('refuses a wrong telemetry.%s: %p', (name, value, expected, got) => {
    expect(() => resolve({ telemetry: { [name]: value } })).toThrow(
      new AgentOsConfigurationError(
        `AgentOsModule: expected telemetry.${name} to be ${expected}, got ${got}.`,
      ),
    );
  });

  it('names the known options of telemetry for one that it does not know, and adds the others', () => {
    expect(() => resolve({ telemetry: { spans: true } })).toThrow(
      'AgentOsModule: unknown option "spans" in telemetry. Known options: enabled, hookSpans, content.',
    );
    expect(resolve({ telemetry: { content: true } }).telemetry).toEqual({
      enabled: true,
      hookSpans: 'linked',
      content: true,
    });
  });

  it('refuses an evaluation store whose rename() takes no owner', () => {
    class Old extends InMemoryEvalStore {
      override rename(id: string, name: string): ReturnType<EvalStore['rename']> {
        return super.rename(id, name);
      }
    }
    expect(() => resolve({ evalStore: new Old() })).toThrow(
      new AgentOsConfigurationError(
        'AgentOsModule: rename(id, name) of the evalStore "Old" has no parameter for the owner, so users could rename the ' +
          'evaluations of other users. Add the owner as a third parameter, and check it in the same step.',
      ),
    );
  });

  it.each<[string, EvalStore['rename']]>([
    ['a default', (id, name, owner = null) => Promise.reject(new Error([id, name, owner].join()))],
    ['a rest', (...call) => Promise.reject(new Error(call.join()))],
  ])('accepts an evaluation store whose rename() has %s in place of a third parameter', (_, rename) => {
    expect(() => resolve({ evalStore: Object.assign(new InMemoryEvalStore(), { rename }) })).not.toThrow();
  });

  it.each(['', 5, null, {}])('refuses the security key %p without showing it', (securityKey) => {
    expect(() => resolve({ http: { securityKey } })).toThrow(
      new AgentOsConfigurationError(
        'AgentOsModule: expected http.securityKey to be a non-empty string, or to be left out.',
      ),
    );
  });

  it.each(['secret\n', ' secret'])(
    'refuses the security key %j, which no header can carry',
    (securityKey) => {
      expect(() => resolve({ http: { securityKey } })).toThrow(
        new AgentOsConfigurationError(
          'AgentOsModule: expected http.securityKey to have no white space around it.',
        ),
      );
    },
  );

  it.each(['false', 1, null])(
    'refuses %p in place of a boolean for acceptClientContext',
    (acceptClientContext) => {
      expect(() => resolve({}, { acceptClientContext } as unknown as Http)).toThrow(
        /^AgentOsModule: expected http\.acceptClientContext to be true or false, got /,
      );
    },
  );

  it.each([
    ['maxFileSize', 0, 'a whole number of bytes, from 1 to 256 MiB', '0 (number)'],
    ['maxFileSize', 1.5, 'a whole number of bytes, from 1 to 256 MiB', '1.5 (number)'],
    ['maxFileSize', 268_435_457, 'a whole number of bytes, from 1 to 256 MiB', '268435457 (number)'],
    ['maxFileSize', '10mb', 'a whole number of bytes, from 1 to 256 MiB', '"10mb"'],
    ['maxFiles', -1, 'a whole number from 0 on', '-1 (number)'],
    ['maxFiles', Infinity, 'a whole number from 0 on', 'Infinity (number)'],
    ['maxFiles', null, 'a whole number from 0 on', 'null'],
    ['maxBodyMemory', -1, 'a whole number of bytes', '-1 (number)'],
    ['stallTimeout', '60', 'a number of milliseconds from 0 to 2147483647', '"60"'],
  ])('refuses a wrong http.%s: %p', (name, value, expected, got) => {
    expect(() => resolve({ http: { [name]: value } })).toThrow(
      new AgentOsConfigurationError(`AgentOsModule: expected http.${name} to be ${expected}, got ${got}.`),
    );
  });

  it('accepts the limits of files at their ends', () => {
    const http = { maxFileSize: 268_435_456, maxFiles: 0 };
    expect(resolve({ http }).http).toMatchObject(http);
  });

  it.each([undefined, null, 'options'])('refuses a factory that returns %p', (options) => {
    expect(() => resolveOptions(options as never, {})).toThrow(
      /^AgentOsModule: expected an object of options, got /,
    );
  });

  it.each([
    ['http: false', false],
    ['http.prefix', { prefix: 'os' }],
    ['http.guards', { guards: [] }],
    ['http.userId', { userId: undefined }],
  ])('refuses %s from a factory, which runs too late for it', (option, http) => {
    expect(() => resolve({ http })).toThrow(
      new AgentOsConfigurationError(
        `AgentOsModule: ${option} is a result of the factory, which runs after the routes are created. ` +
          'Set it beside the factory: forRootAsync({ useFactory, http: … }).',
      ),
    );
  });
});
