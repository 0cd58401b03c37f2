import { Module } from '@nestjs/common';
import { Agent, AgentOsModule } from 'nestjs-agentos';

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support],
      http: {
        allowedOrigins: ['http://localhost:3000', 'https://os.agno.com'], // your front ends
        allowedHosts: [], // besides localhost and addresses, such as 127.0.0.1
      },
    }),
  ],
})
export class DevelopmentModule {}
