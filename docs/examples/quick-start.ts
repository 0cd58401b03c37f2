import 'reflect-metadata';
import { Injectable, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Agent, AgentOsModule, Guardrail, Hook, hookRef, InputCheckError } from 'nestjs-agentos';
import type { PostHookContext, PreHookContext } from 'nestjs-agentos';

@Injectable()
class SupportHooks {
  @Guardrail() // always inline: the run waits for it, and it may reject the input
  noPasswords({ runInput }: PreHookContext): void {
    if (/password:/i.test(runInput.content)) throw new InputCheckError('Please do not send passwords.');
  }

  @Hook({ runInBackground: true }) // after the response has been sent
  notify({ component, runOutput }: PostHookContext): void {
    Logger.log(`${component.name} answered: ${runOutput.content}`);
  }
}

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`, // call a model here
  preHooks: [hookRef(SupportHooks, 'noPasswords')],
  postHooks: [hookRef(SupportHooks, 'notify')],
});

@Module({
  // The prefix keeps the routes apart from those of your application: POST /os/agents/support/runs
  imports: [AgentOsModule.forRoot({ agents: [support], http: { prefix: 'os' } })],
  providers: [SupportHooks],
})
class AppModule {}

async function bootstrap(): Promise<void> {
  const app = await NestFactory.create(AppModule);
  app.enableShutdownHooks(); // pending background hooks run before the process ends
  await app.listen(process.env['PORT'] ?? 3000, 'localhost');
}

void bootstrap();
