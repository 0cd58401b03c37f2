import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

const PACKAGES = [
  ...['@nestjs/core', '@nestjs/platform-express', '@nestjs/platform-fastify', 'ai', 'autocannon'],
];

/** Where the figures come from. */
export function machineFacts({ version }) {
  const require = createRequire(import.meta.url);
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: version,
    // Above 0, the machine was not the benchmark's alone.
    loadAverageBefore: Number(loadavg()[0].toFixed(2)),
    packages: Object.fromEntries(PACKAGES.map((name) => [name, require(`${name}/package.json`).version])),
  };
}
