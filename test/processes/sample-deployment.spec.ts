import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startProcess, type TestProcess } from 'nestjs-agentos/testing';
import { parse, parseAllDocuments } from 'yaml';

import { resolveOptions } from '../../src/resolve-options.js';
import { filesIn, readDocument } from '../support/documents.js';
import { runJson } from '../support/http-client.js';
import {
  isOwnPostgresInstalled,
  startOwnPostgres,
  type OwnPostgresServer,
} from '../support/postgres.server.js';
import { declaredRoutes } from '../support/protocol-routes.js';
import { isRedisInstalled, startRedis, type RedisServer } from '../support/redis.js';
import { compileFixtures } from '../support/server-process.js';
import { describeWherePossible } from '../support/where-possible.js';

jest.setTimeout(180_000);

type Environment = Readonly<Record<string, string>>;

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Environment;
  readonly ports?: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Container {
  readonly command: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly envFrom: readonly { readonly secretRef: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly [probe: `${string}Probe`]: {
    readonly httpGet: { readonly path: string; readonly port: string };
  };
}

interface Manifest {
  readonly kind: string;
  readonly spec: {
    readonly ports?: readonly { readonly targetPort: string }[];
    readonly selector: Readonly<Record<string, unknown>>;
    readonly template: {
      readonly metadata: { readonly labels: Environment };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly [Container];
      };
    };
  };
}

const FOLDER = 'sample-app/deployment';
const { services } = parse(readDocument(`${FOLDER}/compose.yaml`), { merge: true }) as {
  services: Record<'server' | 'worker' | 'postgres' | 'redis', Service>;
};
const { server, worker, postgres, redis } = services;
const manifests = parseAllDocuments(readDocument(`${FOLDER}/kubernetes.yaml`)).map(
  (document) => document.toJS() as Manifest,
);
const deployments = manifests.filter(({ kind }) => kind === 'Deployment');
const containers = deployments.map(({ spec }) => spec.template.spec.containers[0]);
const [serverContainer, workerContainer] = containers as [Container, Container];

/** The variables that the sample application reads. */
const READ = new Set(
  filesIn('sample-app', '.ts').flatMap((path) =>
    [...readDocument(path).matchAll(/process\.env\['(\w+)'\]/g)].map(([, name]) => name),
  ),
);
const SECONDS = resolveOptions({}, {}).shutdownTimeout / 1_000;
const HEALTH = '/health';

const valueOf = ({ env = [] }: Container, name: string): string | undefined =>
  env.find((variable) => variable.name === name)?.value;

describe('The deployment of the sample application', () => {
  it('runs programs of the sample application, which the image builds and starts', () => {
    const commands = [server, worker, serverContainer, workerContainer].map(({ command = [] }) => command);
    const image = readDocument(`${FOLDER}/Dockerfile`);
    expect(commands.map(([program, ...files]) => [program, files.length])).toEqual(
      commands.map(() => ['node', 1]),
    );
    for (const [, file = ''] of commands)
      expect(existsSync(file.replace(/^dist\/(.*)\.js$/, '$1.ts'))).toBe(true);
    expect(image).toContain(`CMD ${JSON.stringify(server.command).replace(',', ', ')}`);
    const copied = [...image.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names = '']) =>
      names.split(' '),
    );
    expect(copied).toEqual(expect.arrayContaining(['package-lock.json', 'src', 'sample-app']));
    expect(copied.filter((name) => !existsSync(name))).toEqual([]);
    const [, project = ''] = /^RUN npx nest build (\S+)$/m.exec(image) ?? [];
    const projects = (JSON.parse(readFileSync('nest-cli.json', 'utf8')) as { projects: object }).projects;
    expect(Object.keys(projects)).toContain(project);
  });

  it('sets only variables that the sample application reads', () => {
    const names = [server, worker].flatMap(({ environment = {} }) => Object.keys(environment));
    const inKubernetes = containers.flatMap(({ env = [] }) => env.map(({ name }) => name));
    expect([...names, ...inKubernetes].filter((name) => !READ.has(name))).toEqual([]);
    expect(worker.environment).toEqual({
      DATABASE_URL: server.environment?.['DATABASE_URL'],
      REDIS_URL: server.environment?.['REDIS_URL'],
    });
    expect(valueOf(serverContainer, 'ROLE')).toBe(server.environment?.['ROLE']);
    expect(containers.map(({ envFrom }) => envFrom)).toEqual(
      containers.map(() => [{ secretRef: { name: 'agent-os-stores' } }]),
    );
  });

  it('names hosts that are services, and waits until they are healthy', () => {
    const { DATABASE_URL = '', REDIS_URL = '' } = server.environment ?? {};
    const hosts = [interpolated(DATABASE_URL), REDIS_URL].map((url) => new URL(url).hostname);
    expect(hosts).toEqual(['postgres', 'redis']);
    for (const { depends_on: needs = {} } of [server, worker])
      expect(Object.entries(needs)).toEqual(hosts.map((host) => [host, { condition: 'service_healthy' }]));
    const { password, username, pathname } = new URL(interpolated(DATABASE_URL));
    const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD = '' } = postgres.environment ?? {};
    expect([username, pathname, password]).toEqual([
      POSTGRES_USER,
      `/${POSTGRES_DB}`,
      interpolated(POSTGRES_PASSWORD),
    ]);
  });

  it('has one port, and asks a route for the health of the server that exists and is open to all', () => {
    const port = server.environment?.['PORT'];
    expect(server.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(server.healthcheck.test.join(' ')).toContain(`http://127.0.0.1:${port}${HEALTH}`);
    expect(readDocument(`${FOLDER}/Dockerfile`)).toContain(`EXPOSE ${port}`);
    expect(serverContainer.ports).toEqual([{ name: 'http', containerPort: Number(port) }]);
    expect(valueOf(serverContainer, 'PORT')).toBe(port);
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const)
      expect(serverContainer[probe]?.httpGet).toEqual({ path: HEALTH, port: 'http' });
    expect(declaredRoutes()).toContainEqual(expect.objectContaining({ method: 'GET', path: HEALTH }));
    const service = manifests.find(({ kind }) => kind === 'Service');
    expect(service?.spec.ports).toEqual([expect.objectContaining({ targetPort: 'http' })]);
    expect(service?.spec.selector).toEqual(deployments[0]?.spec.template.metadata.labels);
  });

  it('gives every process more time to end than shutdownTimeout', () => {
    for (const service of [server, worker])
      expect(Number.parseInt(service.stop_grace_period ?? '')).toBeGreaterThan(SECONDS);
    for (const { spec } of deployments) {
      const {
        terminationGracePeriodSeconds: grace,
        containers: [container],
      } = spec.template.spec;
      const before = container.lifecycle?.preStop.sleep.seconds ?? 0;
      expect(grace - before).toBeGreaterThan(SECONDS);
    }
  });
});

const isTested = (isRedisInstalled() && isOwnPostgresInstalled()) || process.env['CI'] !== undefined;

describeWherePossible(
  isTested,
  'The services of the sample deployment, as processes',
  'install Redis and PostgreSQL',
  () => {
    let image: string;
    let compiled: string;
    let database: OwnPostgresServer;
    let queue: RedisServer;
    let address: string;
    const processes: TestProcess[] = [];

    beforeAll(async () => {
      [compiled, image] = [compileFixtures(['sample-app']), await mkdtemp(join(tmpdir(), 'agent-os-image-'))];
      await symlink(compiled, join(image, 'dist'));
      const [program, ...settings] = redis.command ?? [];
      expect(program).toBe('redis-server');
      [database, queue] = await Promise.all([startOwnPostgres(), startRedis(settings)]);
    });
    afterAll(async () => {
      await Promise.all(processes.map((process) => process.crash()));
      await Promise.all([database.stop(), queue.stop()]);
      await Promise.all([image, compiled].map((folder) => rm(folder, { recursive: true })));
    });

    /** Runs the command of a service with its environment, whose hosts and port are those of this machine. */
    async function start({ command = [], environment = {} }: Service, ready: RegExp): Promise<TestProcess> {
      const [, file = ''] = command;
      const here = { DATABASE_URL: database.url, REDIS_URL: queue.url, HOST: '127.0.0.1', PORT: '0' };
      const env = Object.fromEntries(
        Object.entries(environment).map(([name, value]) => [name, (here as Environment)[name] ?? value]),
      );
      const process = await startProcess(join(image, file), { env, ready, timeout: 60_000 });
      processes.push(process);
      return process;
    }

    it('answer, run the hooks of a run in a worker, are healthy, and end in time', async () => {
      const [first, second, other] = await Promise.all([
        start(server, /The sample application is ready[^]*\(http:\/\/localhost:(\d+)\/config\)/),
        start(worker, /The worker is ready/),
        start(worker, /The worker is ready/),
      ]);
      address = `http://127.0.0.1:${first.match?.[1]}`;

      const { status, body } = await runJson(
        address,
        '/agents/background-task-agent',
        'I forgot my password',
      );
      const sent = new RegExp(
        `Notification sent: .* \\(execution ${String(body['run_id'])}:post:sendNotification, `,
      );
      await Promise.any([second.printed(sent), other.printed(sent)]);

      expect(status).toBe(200);
      expect(first.output).not.toMatch(sent);
      expect(first.output).not.toMatch(/Redis (may drop|keeps nothing)/);
      expect(await check(server.healthcheck.test)).toBe(0);
      const ends = await Promise.all([first, second, other].map((process) => process.end('SIGTERM')));
      expect(ends).toEqual(ends.map(() => ({ code: null, signal: 'SIGTERM' })));
      expect(await check(server.healthcheck.test)).not.toBe(0);
    });

    it('have stores whose health checks succeed', async () => {
      const { port } = new URL(database.url);
      const here = ['-h', '127.0.0.1', '-p', port];
      expect(await check([...postgres.healthcheck.test, ...here])).toBe(0);
      expect(await check([...redis.healthcheck.test.slice(0, 2), '-p', String(queue.port), 'ping'])).toBe(0);
    });

    /** The exit code of a health check. */
    async function check([kind, program = '', ...given]: readonly string[]): Promise<number | null> {
      expect(kind).toBe('CMD');
      const own = `http://127.0.0.1:${server.environment?.['PORT']}`;
      const child = spawn(
        program,
        given.map((text) => text.replace(own, address)),
      );
      const [code] = (await once(child, 'close')) as [number | null];
      return code;
    }
  },
);

/** A value of the Compose file without variables of the shell. */
function interpolated(value: string): string {
  return value.replace(/\$\{\w+:-(\w+)\}/g, '$1');
}
