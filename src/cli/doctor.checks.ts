import { join } from 'node:path';

import type ts from 'typescript';

import { note, ok, wrong, type Finding } from './finding.js';
import { findPackage, ownPackage, type InstalledPackage } from './installed.package.js';
import { JEST_SETTING, unreadySettings } from './jest.settings.js';
import type { NestProject, SourceFile, TypeScript } from './nest.project.js';
import { isInRange, majorOf } from './version.range.js';

const ADAPTERS = ['@nestjs/platform-express', '@nestjs/platform-fastify'];
/** What every application needs. */
const NEEDED = ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'];

/** Packages that an entry needs: all of the first list, and one of the second if it has any. */
const NEEDED_BY: Readonly<
  Record<string, { readonly all: readonly string[]; readonly one: readonly string[] }>
> = {
  'ag-ui': { all: ['@ag-ui/core'], one: [] },
  'ai-sdk': { all: ['ai'], one: [] },
  bullmq: { all: ['bullmq'], one: ['ioredis', 'pg', '@electric-sql/pglite'] },
  openapi: { all: ['@nestjs/swagger'], one: [] },
  sql: { all: ['drizzle-orm'], one: ['pg', '@electric-sql/pglite'] },
};

/** Checks a project without running it. */
export function checkProject(project: NestProject, nodeVersion: string): Finding[] {
  const agentOs = findPackage('nestjs-agentos', project.folder);
  const sources = project.sources();
  const ranges = (agentOs ?? ownPackage()).peerDependencies;
  return [
    checkNode(nodeVersion, agentOs ?? ownPackage()),
    agentOs
      ? ok(`nestjs-agentos ${agentOs.version}`)
      : wrong('nestjs-agentos is not installed: npm install nestjs-agentos'),
    ...NEEDED.flatMap((name) => checkPackage(project, name, ranges)),
    ...checkCopies(project, agentOs),
    ...checkAdapters(project),
    ...checkEntries(project, sources, ranges),
    ...checkSources(sources),
    ...checkTypeScript(project),
  ];
}

function checkNode(version: string, { engines }: InstalledPackage): Finding {
  const range = engines?.node;
  return range === undefined || isInRange(version, range)
    ? ok(`Node ${version}`)
    : wrong(`Node ${version}: nestjs-agentos needs ${range}`);
}

/** A package that must be installed, in a version that fits. */
function checkPackage(
  project: NestProject,
  name: string,
  ranges: Readonly<Record<string, string>>,
): Finding[] {
  const found = findPackage(name, project.folder);
  if (!found) return [wrong(`${name} is not installed: npm install ${name}`)];
  return [checkVersion(found, ranges[name])];
}

function checkVersion({ name, version }: InstalledPackage, range: string | undefined): Finding {
  return range === undefined || isInRange(version, range)
    ? ok(`${name} ${version}`)
    : wrong(`${name} ${version}: nestjs-agentos needs ${range}`);
}

/** Two copies of a package have different classes and tokens: then Nest cannot inject one's into the other's. */
function checkCopies(project: NestProject, agentOs: InstalledPackage | undefined): Finding[] {
  if (!agentOs) return [];
  return NEEDED.flatMap((name) => {
    const [own, its] = [project.folder, agentOs.folder].map((folder) => findPackage(name, folder));
    return !own || !its || own.folder === its.folder
      ? []
      : [
          wrong(
            `${name} is installed twice: nestjs-agentos would use ${its.folder}, the application ${own.folder}`,
          ),
        ];
  });
}

function checkAdapters(project: NestProject): Finding[] {
  const core = findPackage('@nestjs/core', project.folder);
  const found = ADAPTERS.flatMap((name) => findPackage(name, project.folder) ?? []);
  if (found.length === 0)
    return [note(`no HTTP adapter: an application with routes needs ${ADAPTERS.join(' or ')}`)];
  return found.map(({ name, version }) =>
    core && majorOf(core.version) !== majorOf(version)
      ? wrong(`${name} ${version} is for another version of Nest than @nestjs/core ${core.version}`)
      : ok(`adapter: ${name} ${version}`),
  );
}

/** The peer dependencies of the entries that the sources import. */
function checkEntries(
  project: NestProject,
  sources: readonly SourceFile[],
  ranges: Readonly<Record<string, string>>,
): Finding[] {
  const imports = sources.flatMap(({ text }) => [...text.matchAll(/['"]nestjs-agentos\/([\w-]+)['"]/g)]);
  const entries = [...new Set(imports.map(([, entry = '']) => entry))].sort();
  const findings = entries.flatMap((entry) => {
    const { all, one } = NEEDED_BY[entry] ?? { all: [], one: [] };
    const missingChoice =
      one.length > 0 && !one.some((name) => findPackage(name, project.folder))
        ? [wrong(`nestjs-agentos/${entry} needs one of: ${one.join(', ')}`)]
        : [];
    const chosen = one.flatMap((name) => findPackage(name, project.folder) ?? []);
    return [
      ...all.flatMap((name) => checkPackage(project, name, ranges)),
      ...chosen.map((found) => checkVersion(found, ranges[found.name])),
      ...missingChoice,
    ];
  });
  const usesPhones = sources.some(({ text }) => /\bpiiGuardrail\b/.test(text));
  const phones = 'libphonenumber-js';
  if (usesPhones && !findPackage(phones, project.folder))
    findings.push(note(`piiGuardrail() needs ${phones}, unless its types leave out phone numbers`));
  return distinct(findings);
}

function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [finding.text, finding])).values()];
}

function checkSources(sources: readonly SourceFile[]): Finding[] {
  const withModule = sources.filter(({ text }) => /\bAgentOsModule\s*\.\s*forRoot/.test(text));
  const listens = sources.some(({ text }) => /\benableShutdownHooks\b/.test(text));
  return [
    ...(withModule.length === 0
      ? [note('no file calls AgentOsModule.forRoot(): npx nestjs-agentos init adds a module')]
      : withModule.map(({ path }) => ok(`${path} calls AgentOsModule.forRoot()`))),
    ...(listens
      ? []
      : [note('nothing calls app.enableShutdownHooks(): hooks that wait are lost when the process ends')]),
  ];
}

function checkTypeScript(project: NestProject): Finding[] {
  const typescript = project.loadTypeScript();
  if (!typescript)
    return [note('no TypeScript with a compiler API (versions 5 and 6): the settings are not checked')];
  const unready = unreadySettings(project, typescript).map(({ path }) =>
    wrong(`${path}: Jest cannot load nestjs-agentos, which consists of ES modules, without ${JEST_SETTING}`),
  );
  if (!project.has('tsconfig.json'))
    return [...unready, note('there is no tsconfig.json: the settings of the compiler are not checked')];
  return [...checkCompilerOptions(project, typescript), ...unready];
}

function checkCompilerOptions(project: NestProject, typescript: TypeScript): Finding[] {
  const path = join(project.folder, 'tsconfig.json');
  const problems: ts.Diagnostic[] = [];
  const host = {
    ...typescript.sys,
    onUnRecoverableConfigFileDiagnostic: (one: ts.Diagnostic) => void problems.push(one),
  };
  const parsed = typescript.getParsedCommandLineOfConfigFile(path, {}, host);
  if (!parsed) {
    const texts = problems.map(({ messageText }) =>
      typescript.flattenDiagnosticMessageText(messageText, ' '),
    );
    return [wrong(`tsconfig.json cannot be read: ${texts.join(', ')}`)];
  }
  const { experimentalDecorators, emitDecoratorMetadata, module } = parsed.options;
  const settings = Object.entries({ experimentalDecorators, emitDecoratorMetadata });
  const missing = settings.flatMap(([name, value]) =>
    value === true
      ? []
      : [wrong(`tsconfig.json: "${name}" must be true: Nest reads the types of constructors and handlers`)],
  );
  const findings = missing.length > 0 ? missing : [ok(`TypeScript ${typescript.version} with decorators`)];
  if (!project.isEsm && isOldNodeModule(typescript, module))
    findings.push(
      wrong(
        'tsconfig.json: with this "module" a CommonJS file cannot import nestjs-agentos: take "nodenext" (TS1479)',
      ),
    );
  return findings;
}

/** `node16` and `node18`: these know no `require()` of ES modules. The second is not in every TypeScript. */
function isOldNodeModule({ ModuleKind }: TypeScript, module: ts.ModuleKind | undefined): boolean {
  if (module === undefined) return false;
  return ['Node16', 'Node18'].includes(ModuleKind[module] ?? '');
}
