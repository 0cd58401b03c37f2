import { toError } from '../data/to-error.js';
import { doctor } from './doctor.command.js';
import { hooks } from './hooks.command.js';
import { init } from './init.command.js';
import { ownPackage } from './installed.package.js';
import { codeOf, CommandError, type Command, type Terminal } from './terminal.js';

const COMMANDS = { init, hooks, doctor } as const satisfies Readonly<Record<string, Command>>;

/**
 * Runs the program `nestjs-agentos`.
 *
 * @param args - without the paths of Node and of the program
 * @returns the exit code: 0, or 1 if the command has found or met a problem
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.print(usage());
    return name === undefined ? 1 : 0;
  }
  if (name === '--version' || name === '-v') {
    terminal.print(ownPackage().version);
    return 0;
  }
  const command = Object.entries(COMMANDS).find(([known]) => known === name)?.[1];
  if (!command) {
    terminal.print(`There is no command "${name}".\n\n${usage()}`);
    return 1;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.print(command.help);
    return 0;
  }
  return runCommand(command, rest, terminal);
}

async function runCommand(command: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await command.run(args, terminal);
  } catch (error) {
    if (error instanceof CommandError) terminal.print(error.message);
    else if (codeOf(error)?.startsWith('ERR_PARSE_ARGS'))
      terminal.print(`${toError(error).message}\n\n${command.help}`);
    else throw error;
    return 1;
  }
}

function usage(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return [
    'nestjs-agentos <command>',
    '',
    ...commands,
    '',
    '  --help     this text, or that of a command',
    '  --version  the version of nestjs-agentos',
  ].join('\n');
}
