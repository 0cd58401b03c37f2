import { Injectable, Module } from '@nestjs/common';
import { Agent, AgentOsModule, Hook, hookRef } from 'nestjs-agentos';

import { decorateMethod } from './decorate.mjs';
import { readContent } from './hooks.mjs';

/** An application with the routes of AgentOS and one agent with so many background hooks. */
export function agentOs({
  engine,
  hookCount,
  hook = readContent,
  hookOptions = {},
  otherAgents = [],
  ...options
}) {
  const { Hooks, names } = createHooks(hookCount, hook, hookOptions);
  const agent = new Agent({ id: 'bench', engine, postHooks: names.map((name) => hookRef(Hooks, name)) });

  class AgentOsBenchModule {}
  Module({
    imports: [AgentOsModule.forRoot({ agents: [agent, ...otherAgents], ...options })],
    providers: [Hooks],
  })(AgentOsBenchModule);
  return AgentOsBenchModule;
}

/** A provider with so many methods, each of them a background hook. */
function createHooks(count, hook, options) {
  class Hooks {}
  Injectable()(Hooks);
  const names = Array.from({ length: count }, (_, index) => `hook${index + 1}`);
  for (const name of names) {
    Object.defineProperty(Hooks.prototype, name, { value: hook });
    decorateMethod(Hooks, name, Hook({ runInBackground: true, ...options }));
  }
  return { Hooks, names };
}
