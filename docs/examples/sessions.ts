import { Inject, Injectable, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { drizzle } from 'drizzle-orm/node-postgres';
import {
  Agent,
  AgentOsModule,
  Hook,
  hookRef,
  InMemorySessionStore,
  type AgentOsOptions,
  type PostHookContext,
} from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';
import { migrate, openFolder, SqlEvalStore, SqlSessionStore, type SqlFolder } from 'nestjs-agentos/sql';
import { Pool } from 'pg';

const support = new Agent({
  id: 'support',
  engine: ({ messages }) => `This is message ${messages.length} of our conversation.`,
  historyRuns: 5,
});

@Injectable()
export class SessionHooks {
  constructor(private readonly sessions: SessionStore) {}

  /** An inline hook: its changes are saved with the session. */
  @Hook(false)
  countTurns({ session }: PostHookContext): void {
    const turns = session.state['turns'];
    session.state['turns'] = typeof turns === 'number' ? turns + 1 : 1;
  }

  /** The session in the hook context has no history. Read it from the store. */
  @Hook({ runInBackground: true })
  async summarize({ session }: PostHookContext): Promise<void> {
    const runs = await this.sessions.runs(session.id, { limit: 20 });
    const transcript = runs.map(({ input, output }) => `${input.content}\n${output.content}`);
    Logger.log(transcript.join('\n\n'));
  }
}

const counting = new Agent({
  id: 'counting',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [hookRef(SessionHooks, 'countTurns'), hookRef(SessionHooks, 'summarize')],
});

/** Operations on sessions that an application can call. */
@Injectable()
export class Conversations {
  constructor(private readonly sessions: SessionStore) {}

  /** The twenty most recently changed conversations of a user. */
  async latest(userId: string): Promise<string[]> {
    const { sessions, total } = await this.sessions.list({ userId, sortBy: 'updatedAt' });
    const lines = sessions.map(({ name, firstInput = 'new' }) => name ?? firstInput.slice(0, 80));
    return [...lines, `${total} in all`];
  }

  /** Changes the given fields only. */
  rename(id: string, name: string): Promise<boolean> {
    const nothing = { set: {}, removed: [] };
    return this.sessions.update(id, { name, state: nothing, metadata: nothing });
  }

  /** The tokens of all runs of the session, for each model. */
  async usage(id: string): Promise<string[]> {
    const { usage = [] } = (await this.sessions.find(id)) ?? {};
    return usage.map(({ model, totalTokens = 0 }) => `${model?.id ?? 'no model'}: ${totalTokens}`);
  }

  /** Deletes sessions with their state, metadata and runs. */
  forget(ids: readonly string[]): Promise<readonly string[]> {
    return this.sessions.delete(ids);
  }
}

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support, counting],
      sessionStore: new InMemorySessionStore({ maxSessions: 10_000, maxRunsPerSession: 50 }),
    }),
  ],
  providers: [SessionHooks, Conversations],
})
export class SessionsModule {}

/** Sessions and evaluations in PostgreSQL: `forRootAsync({ useFactory: () => postgres(url) })`. */
export async function postgres(connectionString: string): Promise<AgentOsOptions> {
  const pool = new Pool({
    connectionString,
    max: 10, // connections
    connectionTimeoutMillis: 5_000, // to connect, or to get a free connection of the pool
    statement_timeout: 8_000, // the server ends a statement that waits for a lock
    query_timeout: 9_000, // the client gives up on a server that does not answer
    idle_in_transaction_session_timeout: 10_000, // the server ends a transaction that its client has left
  });
  const database = drizzle({ client: pool });
  await migrate(database);
  return {
    agents: [support],
    sessionStore: new SqlSessionStore(database),
    evalStore: new SqlEvalStore(database),
  };
}

const FOLDER = Symbol('folder');

/** The same stores in a folder, for one process. They need only `@electric-sql/pglite`. */
@Module({ providers: [{ provide: FOLDER, useFactory: () => openFolder('.agent-os') }], exports: [FOLDER] })
export class FolderModule implements OnApplicationShutdown {
  constructor(@Inject(FOLDER) private readonly folder: SqlFolder) {}

  /** AgentOsModule imports this module, so its last background hook has already run. */
  async onApplicationShutdown(): Promise<void> {
    await this.folder.close();
  }
}

export const folderAgentOs = AgentOsModule.forRootAsync({
  imports: [FolderModule],
  inject: [FOLDER],
  useFactory: async ({ database }: SqlFolder) => {
    await migrate(database);
    return {
      agents: [support],
      sessionStore: new SqlSessionStore(database),
      evalStore: new SqlEvalStore(database),
    };
  },
});
