// Serves an agent, a team and a workflow on a free port, and writes their OpenAPI document into the folder that is given.
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DocumentBuilder } from '@nestjs/swagger';
import { Agent, AgentOsModule, step, Team, Workflow } from 'nestjs-agentos';
import { createAgentOsDocument } from 'nestjs-agentos/openapi';

const helper = new Agent({
  id: 'helper',
  engine: ({ input, files }) => {
    const names = files.map(({ name }) => name).join();
    return `You asked: ${input}${names && ` with ${names}`}`;
  },
});
const desk = new Team({
  id: 'desk',
  members: [helper],
  engine: ({ delegate, input }) => delegate('helper', input),
});
const flow = new Workflow({ id: 'flow', steps: [step('ask', helper)] });

class AppModule {}
Module({
  imports: [AgentOsModule.forRoot({ agents: [helper], teams: [desk], workflows: [flow] })],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'fatal'] });
const config = new DocumentBuilder().setTitle('Generated client').build();
await app.listen(0, '127.0.0.1');
const url = await app.getUrl();
const document = createAgentOsDocument(app, config);
writeFileSync(join(process.argv[2], 'openapi.json'), JSON.stringify({ ...document, servers: [{ url }] }));
console.log(url);
