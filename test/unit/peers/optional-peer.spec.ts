import { describe, expect, it } from '@jest/globals';

import { importIfInstalled, importNeeded } from '../../../src/peers/optional-peer.js';

/** An error as a module system throws it. */
function notFound(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function failing(error: unknown, name = '@scope/peer'): Promise<unknown> {
  return importIfInstalled({ name, load: () => Promise.reject(error as Error) });
}

describe('An optional peer dependency', () => {
  it('is imported if it is installed', async () => {
    await expect(importIfInstalled({ name: 'rxjs', load: () => import('rxjs') })).resolves.toHaveProperty(
      'Observable',
    );
  });

  it.each([
    [
      'Node, import',
      'ERR_MODULE_NOT_FOUND',
      "Cannot find package '@scope/peer' imported from /app/node_modules/nestjs-agentos/dist/src/a.js",
    ],
    ['Node, require', 'MODULE_NOT_FOUND', "Cannot find module '@scope/peer'\nRequire stack:\n- /app/a.js"],
    ['Node, subpath', 'MODULE_NOT_FOUND', "Cannot find module '@scope/peer/min'"],
    ['Jest', 'MODULE_NOT_FOUND', "Cannot find module '@scope/peer' from 'node_modules/nestjs-agentos/a.js'"],
    [
      "Yarn's Plug'n'Play",
      'MODULE_NOT_FOUND',
      "nestjs-agentos tried to access @scope/peer (a peer dependency) but it isn't provided by your application",
    ],
  ])('is undefined if it is not installed, as reported by %s', async (_system, code, message) => {
    await expect(failing(notFound(code, message))).resolves.toBeUndefined();
    await expect(failing({ code, message })).resolves.toBeUndefined();
  });

  it.each([
    [
      'a dependency of it is missing',
      notFound(
        'ERR_MODULE_NOT_FOUND',
        "Cannot find package 'other' imported from /app/node_modules/@scope/peer/index.js",
      ),
    ],
    [
      'one of its files is missing',
      notFound(
        'ERR_MODULE_NOT_FOUND',
        "Cannot find package '/app/node_modules/@scope/peer/index.js' imported from /app/a.js",
      ),
    ],
    [
      'a package with a longer name is missing',
      notFound('MODULE_NOT_FOUND', "Cannot find module '@scope/peer-two'"),
    ],
    ['it throws while it loads', new TypeError("'@scope/peer' does not like this Node")],
    ['it throws what is no error', undefined],
  ])('is not treated as missing if %s', async (_case, error) => {
    await expect(failing(error)).rejects.toBe(error);
  });

  it('that a feature needs causes an error that names both if it is missing', async () => {
    const load = (): Promise<never> =>
      Promise.reject(notFound('MODULE_NOT_FOUND', "Cannot find module '@scope/peer'"));

    await expect(importNeeded({ name: '@scope/peer', load }, 'phoneGuardrail()')).rejects.toMatchObject({
      name: 'AgentOsConfigurationError',
      message:
        'phoneGuardrail() needs the package "@scope/peer", which is not installed. Run: npm install @scope/peer',
    });
  });
});
