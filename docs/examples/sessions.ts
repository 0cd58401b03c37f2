import { Injectable, Module } from '@nestjs/common';
import { drizzle } from 'drizzle-orm/node-postgres';
import {
  Agent,
  AgentOsModule,
  Hook,
  hookRef,
  InMemorySessionStore,
  SessionStore,
  type AgentOsOptions,
  type PostHookContext,
} from 'nestjs-agentos';
import { migrate, SqlEvalStore, SqlSessionStore } from 'nestjs-agentos/sql';

@Injectable()
export class SessionHooks {
  constructor(private readonly sessions: SessionStore) {}

  /** Inline, so what it changes is saved with the session. */
  @Hook(false)
  countTurns({ session }: PostHookContext): void {
    const turns = session.state['turns'];
    session.state['turns'] = typeof turns === 'number' ? turns + 1 : 1;
  }

  /** A hook gets the session, not its history: the store has it. */
  @Hook({ runInBackground: true })
  async summarize({ session }: PostHookContext): Promise<void> {
    const runs = await this.sessions.runs(session.id, { limit: 20 });
    const transcript = runs.map(({ input, output }) => `${input.content}\n${output.content}`);
    await save(session.id, transcript.join('\n\n'));
  }
}

const support = new Agent({
  id: 'support',
  engine: ({ messages }) => `This is message ${messages.length} of our conversation.`,
  historyRuns: 5,
  postHooks: [hookRef(SessionHooks, 'countTurns'), hookRef(SessionHooks, 'summarize')],
});

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support],
      sessionStore: new InMemorySessionStore({ maxSessions: 10_000, maxRunsPerSession: 50 }),
    }),
  ],
  providers: [SessionHooks],
})
export class SessionsModule {}

/** Sessions and evaluations in PostgreSQL: `forRootAsync({ useFactory: () => postgres(url) })`. */
export async function postgres(url: string): Promise<AgentOsOptions> {
  const database = drizzle(url);
  await migrate(database);
  return {
    agents: [support],
    sessionStore: new SqlSessionStore(database),
    evalStore: new SqlEvalStore(database),
  };
}

async function save(sessionId: string, transcript: string): Promise<void> {
  await Promise.resolve([sessionId, transcript]);
}
