import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Module, type INestApplication } from '@nestjs/common';
import { Queue } from 'bullmq';
import { Agent, AgentOsModule, defineHook } from 'nestjs-agentos';

type Handler = (request: unknown, response: unknown, next: () => void) => void;

/** Shows the queue at /queues to clients that `guard` lets through. Call it before `listen()`; close the queue at the end. */
export function serveQueue(app: INestApplication, guard: Handler, redis: string): Queue {
  const queue = new Queue('agent-os-hooks', { connection: { url: redis } });
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath('/queues');
  createBullBoard({ queues: [new BullMQAdapter(queue, { readOnlyMode: true })], serverAdapter });
  app.use('/queues', guard, serverAdapter.getRouter());
  return queue;
}

const notify = defineHook(() => undefined, { name: 'notify', runInBackground: true });
const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [notify],
});

@Module({ imports: [AgentOsModule.forRoot({ agents: [support] })] })
export class ProductionModule {}
