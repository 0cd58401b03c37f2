import { Body, Controller, Injectable, Module, NotFoundException, Param, Post, Req } from '@nestjs/common';
import {
  Agent,
  AgentOsModule,
  AgentOsService,
  Hook,
  hookRef,
  sampled,
  type PostHookContext,
} from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';

const TOPICS = ['invoice', 'delivery', 'password'];

@Injectable()
export class RunNotes {
  constructor(private readonly agentOs: AgentOsService) {}

  @Hook({ runInBackground: true })
  async tag({ runOutput }: PostHookContext): Promise<void> {
    const tags = TOPICS.filter((topic) => runOutput.content.includes(topic));
    await this.agentOs.annotate(runOutput.runId, { metadata: { tags } });
  }

  @Hook({ runInBackground: true, when: sampled(0.5) })
  async score({ runOutput }: PostHookContext): Promise<void> {
    const score = runOutput.content.length > 200 ? 1 : 0;
    await this.agentOs.annotate(runOutput.runId, { metadata: { score } });
  }
}

@Injectable()
export class RunSummaries {
  constructor(
    private readonly agentOs: AgentOsService,
    private readonly sessions: SessionStore,
  ) {}

  @Hook({ runInBackground: true, retry: { attempts: 3 } })
  async summarize({ runOutput, hook }: PostHookContext): Promise<void> {
    const { runId, sessionId, content } = runOutput;
    const [stored] = await this.sessions.runs(sessionId, { runId });
    if (stored?.output.metadata['summarizedBy'] === hook.executionId) return;
    const { content: summary } = await this.agentOs.run('summarizer', content);
    const metadata = { summary, summarizedBy: hook.executionId };
    const isStored = await this.agentOs.annotate(runId, { metadata });
    if (!isStored) throw new Error(`Run ${runId} has no summary: it is not stored.`);
  }
}

@Injectable()
export class SessionSummaries {
  constructor(
    private readonly agentOs: AgentOsService,
    private readonly sessions: SessionStore,
  ) {}

  @Hook({ runInBackground: true })
  async summarizeSession({ session }: PostHookContext): Promise<void> {
    const runs = await this.sessions.runs(session.id, {
      statuses: ['COMPLETED'],
      isWithdrawn: false,
      limit: 20,
    });
    const { content: summary } = await this.agentOs.run(
      'summarizer',
      runs.map(({ output }) => output.content).join('\n'),
    );
    const nothing = { set: {}, removed: [] };
    await this.sessions.update(session.id, { summary: { summary }, state: nothing, metadata: nothing });
  }
}

@Controller('feedback')
export class FeedbackController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Post(':runId')
  async rate(
    @Param('runId') runId: string,
    @Body('rating') rating: number,
    @Req() { user }: { readonly user: { readonly id: string } },
  ): Promise<void> {
    const isStored = await this.agentOs.annotate(runId, { metadata: { rating } }, { userId: user.id });
    if (!isStored) throw new NotFoundException();
  }
}

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [
    hookRef(RunNotes, 'tag'),
    hookRef(RunNotes, 'score'),
    hookRef(RunSummaries, 'summarize'),
    hookRef(SessionSummaries, 'summarizeSession'),
  ],
});
const summarizer = new Agent({ id: 'summarizer', engine: ({ input }) => `In short: ${input}` });

@Module({
  imports: [AgentOsModule.forRoot({ agents: [support, summarizer] })],
  controllers: [FeedbackController],
  providers: [RunNotes, RunSummaries, SessionSummaries],
})
export class WritingBackModule {}
