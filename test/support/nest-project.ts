import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const folders: string[] = [];

export const APP_MODULE = `import { Module } from '@nestjs/common';
import { AppController } from './app.controller';

@Module({
  imports: [],
  controllers: [AppController],
})
export class AppModule {}
`;

/** The files of a project, without those that its CLI adds and no command reads. */
export const COMMONJS_PROJECT = {
  'package.json': `{
  "name": "host",
  "dependencies": {
    "@nestjs/core": "^11.0.1",
    "@nestjs/platform-express": "^11.0.1"
  },
  "devDependencies": { "jest": "^30.0.0" },
  "jest": {
    "rootDir": "src",
    "transform": {
      "^.+\\\\.(t|j)s$": "ts-jest"
    },
    "testEnvironment": "node"
  }
}
`,
  'nest-cli.json': '{ "sourceRoot": "src" }',
  'tsconfig.json': `{
  // Comments are allowed here.
  "compilerOptions": {
    "module": "nodenext",
    "experimentalDecorators": true,
    "emitDecoratorMetadata": true
  },
  "include": ["src"]
}
`,
  'test/jest-e2e.json': `{
  "moduleFileExtensions": ["js", "json", "ts"],
  "transform": { "^.+\\\\.(t|j)s$": "ts-jest" }
}
`,
  'src/app.module.ts': APP_MODULE,
  'src/main.ts': "import { AppModule } from './app.module';\n",
};

/** A folder with these files, whose packages are those of this repository. */
export function createProject(files: Readonly<Record<string, string>>, hasPackages = true): string {
  const folder = mkdtempSync(join(tmpdir(), 'nest-project-'));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  if (hasPackages) symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
  return folder;
}

/** The files of a project by path, without its packages. */
export function filesOf(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths
      .filter((path) => !path.startsWith(join(folder, 'node_modules')))
      .sort()
      .map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]),
  );
}

export function removeProjects(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}
