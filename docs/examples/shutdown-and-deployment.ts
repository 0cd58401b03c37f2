import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Agent,
  AgentOsModule,
  Hook,
  hookRef,
  type AgentOsService,
  type PostHookContext,
} from 'nestjs-agentos';

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Module({ imports: [AgentOsModule.forRoot({ agents: [support], shutdownTimeout: 20_000 })] })
export class ShutdownModule {}

export async function start(): Promise<void> {
  const app = await NestFactory.create(ShutdownModule);
  app.enableShutdownHooks();
  await app.listen(process.env['PORT'] ?? 3000);
}

@Injectable()
export class ReportHooks {
  @Hook({ runInBackground: true })
  async upload({ runOutput, signal }: PostHookContext): Promise<void> {
    for (const part of runOutput.content.match(/.{1,1000}/gs) ?? []) {
      signal.throwIfAborted();
      await Promise.resolve(part);
    }
  }
}

const reporting = new Agent({
  id: 'reporting',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [hookRef(ReportHooks, 'upload')],
});

@Module({ imports: [AgentOsModule.forRoot({ agents: [reporting] })], providers: [ReportHooks] })
export class ReportModule {}

/** The platform freezes the process as soon as this promise has resolved. */
export async function handleJob(agentOs: AgentOsService, question: string): Promise<string> {
  const { content } = await agentOs.run('support', question);
  await agentOs.drain();
  return content;
}
