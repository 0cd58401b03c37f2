import { parseArgs } from 'node:util';

import { checkProject } from './doctor.checks.js';
import { checkServer } from './doctor.server.js';
import type { Finding } from './finding.js';
import { NestProject } from './nest.project.js';
import { DEFAULT_URL } from './server.client.js';
import type { Command } from './terminal.js';

const HELP = `nestjs-agentos doctor [--url ${DEFAULT_URL}] [--key KEY]

Checks the project in this folder: the versions of Node, NestJS and the peer dependencies that its imports need, the HTTP
adapter, the settings of TypeScript and Jest. With --url also the routes of a running server. The exit code is 1 if
something is wrong.

  --url  the address of the server, with the prefix of its routes
  --key  the security key; default: the environment variable OS_SECURITY_KEY`;

/** Checks a project and a running server. */
export const doctor: Command = {
  summary: 'check versions, peer dependencies, adapters, settings, and with --url routes',
  help: HELP,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { url: { type: 'string' }, key: { type: 'string' } },
    });
    const findings = checkProject(new NestProject(terminal.folder), process.versions.node);
    if (values.url !== undefined) {
      const key = values.key ?? terminal.environment['OS_SECURITY_KEY'];
      findings.push(...(await checkServer(values.url, key)));
    }
    for (const finding of findings) terminal.print(lineOf(finding));
    const problems = findings.filter(({ level }) => level === 'wrong').length;
    terminal.print(problems === 0 ? '\nNothing is wrong.' : `\nWrong: ${problems}.`);
    return problems === 0 ? 0 : 1;
  },
};

function lineOf({ level, text }: Finding): string {
  return `${level.padEnd(6)} ${text}`;
}
