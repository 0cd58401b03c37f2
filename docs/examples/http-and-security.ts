import {
  Body,
  Controller,
  Injectable,
  Module,
  Post,
  Sse,
  type CanActivate,
  type ExecutionContext,
  type MessageEvent,
} from '@nestjs/common';
import { Agent, AgentOsModule, AgentOsService } from 'nestjs-agentos';
import { filter, from, map, type Observable } from 'rxjs';

interface AuthenticatedRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  user?: { readonly id: string };
}

@Injectable()
export class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const token = request.headers['x-token'];
    if (token === undefined) return false;
    request.user = { id: `user-of-${token}` };
    return true;
  }
}

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Module({
  imports: [
    AgentOsModule.forRootAsync({
      http: {
        prefix: 'os',
        guards: [TokenGuard],
        userId: (request: AuthenticatedRequest) => request.user?.id,
      },
      useFactory: () => ({
        agents: [support],
        ...(process.env['OS_SECURITY_KEY'] ? { http: { securityKey: process.env['OS_SECURITY_KEY'] } } : {}),
      }),
    }),
  ],
  providers: [TokenGuard],
  exports: [AgentOsModule],
})
export class HttpModule {}

/** Your own routes: hooks run as in the built-in routes, background hooks after your response. */
@Controller('ask')
export class AskController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Post()
  async ask(@Body('question') question: string): Promise<{ answer: string }> {
    const { content } = await this.agentOs.run('support', question);
    return { answer: content };
  }

  @Sse('stream')
  stream(): Observable<MessageEvent> {
    return from(this.agentOs.stream('support', 'Hello')).pipe(
      filter((event) => event.type === 'run-content'),
      map(({ content }) => ({ data: { content } })),
    );
  }
}

@Module({ imports: [HttpModule], controllers: [AskController] })
export class AppModule {}
