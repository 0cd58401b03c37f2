import { sep } from 'node:path';
import { compileFunction } from 'node:vm';

import Runtime from 'jest-runtime';

/** Loads the modules that all specs of this worker share, and is never torn down: they may import others at any time. */
let library;

/** Loads of shared modules, one after another: a module must not be linked twice at the same time. */
let lastLoad = Promise.resolve();

/** What a spec that shares modules cannot do: others have them, too. */
const REFUSED = ['setMock', 'setModuleMock', 'isolateModules', 'isolateModulesAsync'];

/**
 * Loads the modules of `src/` and of packages once for each worker, where Jest loads them once for each spec: that took half
 * a second a spec, and the same again until they were compiled for speed. Each spec still has modules of its own for all
 * that is in `test/`.
 *
 * A spec that replaces a module of `src/` or of a package begins with the comment `@jest-environment node`, and has all
 * modules for itself.
 */
export default class WorkerRuntime extends Runtime {
  #sharesModules = false;

  constructor(config, environment, resolver, transformer, cacheFS, coverageOptions, testPath, globalConfig) {
    super(config, environment, resolver, transformer, cacheFS, coverageOptions, testPath, globalConfig);
    if (environment.keepsModules !== true) return;
    useGlobalsOfWorker(this);
    // Coverage is counted for each spec.
    if (coverageOptions.collectCoverage) return;
    this.#sharesModules = true;

    library ??= useGlobalsOfWorker(
      new Runtime(
        ...[config, environment, resolver, transformer, cacheFS, coverageOptions, testPath, globalConfig],
      ),
    );
    for (const name of REFUSED) this[name] = refuse;

    const sources = `${config.rootDir}${sep}src${sep}`;
    const isShared = (path) => path.startsWith(sources) || path.includes(`${sep}node_modules${sep}`);
    const { esmLoader } = this;

    const { loadEsmModule } = esmLoader;
    esmLoader.loadEsmModule = (path, suffix) =>
      isShared(path)
        ? inTurn(() => library.esmLoader.loadEsmModule(path, suffix))
        : loadEsmModule.call(esmLoader, path, suffix);

    const { loadCjsAsEsm } = esmLoader;
    esmLoader.loadCjsAsEsm = (from, path, suffix, context) =>
      isShared(path)
        ? inTurn(() => library.esmLoader.loadCjsAsEsm(from, path, suffix, context))
        : loadCjsAsEsm.call(esmLoader, from, path, suffix, context);

    // Jest's other way of loading, on Node 24, follows imports without these methods. It takes this one then.
    this._resolution.hasDistinctAsyncResolver = () => true;

    const { requireModule } = this.cjsLoader;
    this.cjsLoader.requireModule = (from, name, options, isActual) =>
      name !== undefined && !options?.isInternalModule && isShared(this._resolution.resolveCjs(from, name))
        ? library.requireModule(from, name, options, isActual)
        : requireModule.call(this.cjsLoader, from, name, options, isActual);
  }

  /** Packages of Jest are loaded once, too. The one that asks for them, with no second argument, keeps the tests of a spec. */
  requireInternalModule(from, name) {
    return this.#sharesModules && name !== undefined
      ? library.requireInternalModule(from, name)
      : super.requireInternalModule(from, name);
  }

  /** For stacks of errors: the maps of the spec's own modules and of those that it shares. */
  getSourceMaps() {
    const own = super.getSourceMaps();
    if (library === undefined) return own;
    const shared = library.getSourceMaps();
    return {
      get: (path) => own.get(path) ?? shared.get(path),
      *[Symbol.iterator]() {
        yield* shared;
        yield* own;
      },
    };
  }
}

/** Lets a runtime load modules where this one is, not in a context of `node:vm`: see `worker.environment.js`. */
function useGlobalsOfWorker(runtime) {
  const { esmLoader, executor } = runtime;
  esmLoader.getContext = () => undefined;
  const { compile, dynamicImport, injectedModuleParameters } = executor;
  executor.compile = (source, filename) => {
    try {
      return compileFunction(source, injectedModuleParameters, {
        filename,
        importModuleDynamically: (specifier, _function, attributes, phase) =>
          dynamicImport(specifier, filename, undefined, attributes, phase),
      });
    } catch {
      // Jest's own method fails, too, with an error for people.
      return compile.call(executor, source, filename);
    }
  };
  return runtime;
}

function refuse() {
  throw new Error(
    'This spec shares modules with others. To replace modules, begin it with the comment /** @jest-environment node */.',
  );
}

/** Loads a module, links and evaluates it, after all that were to be loaded before. */
function inTurn(load) {
  const loaded = lastLoad.then(async () => library.esmLoader.linkAndEvaluateModule(await load()));
  lastLoad = loaded.catch(() => undefined);
  return loaded;
}
