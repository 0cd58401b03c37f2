import { parseArgs } from 'node:util';

import { z } from 'zod';

import { WireHook } from '../protocol/hooks.js';
import { DEFAULT_URL, ServerClient } from './server.client.js';
import type { Command } from './terminal.js';

const HELP = `nestjs-agentos hooks [--url ${DEFAULT_URL}] [--key KEY]

Lists the hooks of a running server: where each is attached, whether it runs inline or in the background, and why.

  --url  the address of the server, with the prefix of its routes; default ${DEFAULT_URL}
  --key  the security key; default: the environment variable OS_SECURITY_KEY`;

const HEADINGS = ['HOOK', 'ATTACHED TO', 'PHASE', 'MODE', 'BECAUSE OF', 'SOURCE'];
const REASONS = {
  guardrail: 'a guardrail',
  decorator: 'its decorator',
  switch: 'runHooksInBackground',
  default: 'the default',
} as const;

/** Lists the hooks of a running server. */
export const hooks: Command = {
  summary: 'list the hooks of a running server with their modes',
  help: HELP,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { url: { type: 'string' }, key: { type: 'string' } },
    });
    const key = values.key ?? terminal.environment['OS_SECURITY_KEY'];
    const listed = await new ServerClient(values.url ?? DEFAULT_URL, key).get('hooks', z.array(WireHook));
    terminal.print(listed.length === 0 ? 'The server has no hooks.' : tableOf(listed));
    return 0;
  },
};

function tableOf(listed: readonly WireHook[]): string {
  const rows = [HEADINGS, ...listed.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

function cellsOf({ hook, source, attachment }: WireHook): string[] {
  const cells = attachment
    ? [
        `${attachment.component.kind} ${attachment.component.id}${attachment.attached_by === 'module' ? ' (by the module)' : ''}`,
        ...[attachment.phase, attachment.mode, REASONS[attachment.reason]],
      ]
    : ['nothing', '', '', ''];
  // Names come from a server: control characters could change what the terminal shows.
  return [hook, ...cells, source].map((cell) => cell.replaceAll(/\p{Cc}/gu, '?'));
}
