import { Injectable, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Agent, AgentOsModule, AgentOsService, Hook, hookRef, type PostHookContext } from 'nestjs-agentos';

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

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [hookRef(ReportHooks, 'upload')],
});

@Module({
  imports: [AgentOsModule.forRoot({ agents: [support], shutdownTimeout: 20_000 })],
  providers: [ReportHooks],
})
export class ShutdownModule {}

export async function start(): Promise<void> {
  const app = await NestFactory.create(ShutdownModule);
  app.enableShutdownHooks();
  await app.listen(process.env['PORT'] ?? 3000);
}

/** A platform that freezes the process between requests calls this before it lets go. */
export async function handleJob(agentOs: AgentOsService, question: string): Promise<string> {
  const { content } = await agentOs.run('support', question);
  await agentOs.drain();
  Logger.log('Nothing is left to do');
  return content;
}
