import { Module } from '@nestjs/common';
import { Agent, AgentOsModule } from 'nestjs-agentos';

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support],
      http: {
        allowedOrigins: ['http://localhost:3000', 'https://os.agno.com'], // your front ends
        allowedHosts: [], // in addition to localhost and IP addresses
      },
    }),
  ],
})
export class DevelopmentModule {}
