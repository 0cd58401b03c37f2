import { Module } from '@nestjs/common';
import { Agent, AgentOsModule } from 'nestjs-agentos';

const answering = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [answering],
      // Without the variable the routes are open, and a warning at start-up says so.
      http: { securityKey: process.env['OS_SECURITY_KEY'] },
    }),
  ],
})
export class KeyModule {}
