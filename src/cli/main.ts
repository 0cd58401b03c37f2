#!/usr/bin/env node
import { runProgram } from './program.js';

async function main(): Promise<void> {
  process.exitCode = await runProgram(process.argv.slice(2), {
    folder: process.cwd(),
    environment: process.env,
    print: (text) => void process.stdout.write(`${text}\n`),
  });
}

void main();
