import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule, type HealthCheckResult } from '@nestjs/terminus';
import { Queue } from 'bullmq';
import { Agent, AgentOsModule, defineHook } from 'nestjs-agentos';
import { HookHealthIndicator } from 'nestjs-agentos/executor';

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

/** Up as long as hooks begin within a minute. */
@Controller('ready')
export class ReadyController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly hooks: HookHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    const limits = { maxOldestWaiting: 60_000, maxVolatile: 0 };
    return this.health.check([() => this.hooks.check('hooks', limits)]);
  }
}

const notify = defineHook(() => undefined, { name: 'notify', runInBackground: true });
const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [notify],
});

@Module({
  imports: [TerminusModule, AgentOsModule.forRoot({ agents: [support] })],
  controllers: [ReadyController],
})
export class ProductionModule {}
