import {
  ForbiddenException,
  Injectable,
  Module,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';
import { Agent, AgentOsModule } from 'nestjs-agentos';

interface AuthenticatedRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly params: Readonly<Record<string, string | undefined>>;
  user?: { readonly sub: string };
}

/** The public keys of the token issuer, fetched with the first token. */
@Injectable()
export class IssuerKeys {
  readonly find = createRemoteJWKSet(
    new URL(process.env['JWKS_URL'] ?? 'https://login.example.com/.well-known/jwks.json'),
  );
}

/** The accepted issuer, audience and algorithm. Without the algorithm the token itself would choose it. */
const RULES = {
  issuer: process.env['JWT_ISSUER'] ?? 'https://login.example.com/',
  audience: process.env['JWT_AUDIENCE'] ?? 'agent-os',
  algorithms: ['RS256'],
  requiredClaims: ['sub', 'exp'],
  clockTolerance: 10,
};

@Injectable()
export class JwtGuard implements CanActivate {
  constructor(private readonly keys: IssuerKeys) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const { sub, scopes } = await this.verify(tokenOf(request));
    if (!sub) throw new UnauthorizedException('Invalid token');
    request.user = { sub };
    requireScope(toList(scopes), neededFor(context, request));
    return true;
  }

  private async verify(token: string): Promise<JWTPayload> {
    try {
      return (await jwtVerify(token, this.keys.find, RULES)).payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new UnauthorizedException('Token has expired');
      if (isFaultOfToken(error)) throw new UnauthorizedException('Invalid token');
      throw error; // 500: the keys could not be fetched.
    }
  }
}

function tokenOf({ headers }: AuthenticatedRequest): string {
  const [, token] = /^Bearer +(\S+)$/i.exec(headers['authorization'] ?? '') ?? [];
  if (token === undefined) throw new UnauthorizedException('Authorization header missing');
  return token;
}

function isFaultOfToken(error: unknown): boolean {
  return error instanceof errors.JOSEError && !['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT'].includes(error.code);
}

/** Some issuers write scopes as a list, others as a text separated by spaces. */
function toList(scopes: unknown): readonly unknown[] {
  return typeof scopes === 'string' ? scopes.split(' ') : Array.isArray(scopes) ? scopes : [];
}

/** The permission that a request needs, such as `agents:run`, for the agent `support` if the request names it. */
interface Permission {
  readonly resource: string;
  readonly action: string;
  readonly id: string | undefined;
}

const COMPONENTS = ['agents', 'teams', 'workflows'];
/** Routes whose scopes have another name. Other scopes begin with the first segment of the path. */
const RESOURCES: Readonly<Record<string, string>> = { models: 'config', 'eval-runs': 'evals' };

/** Reads the route that Nest has matched, because the same path can be written in several ways. */
function neededFor(context: ExecutionContext, { method, params }: AuthenticatedRequest): Permission {
  const path = [context.getClass(), context.getHandler()]
    .map((target) => Reflect.getMetadata('path', target) as string) // written by @Controller() and @Get()
    .join('/');
  const [segment = ''] = path.split('/').filter((part) => part !== '');
  const resource = RESOURCES[segment] ?? segment;
  const isComponent = COMPONENTS.includes(resource);
  return { resource, action: actionOf(method, isComponent), id: isComponent ? params['id'] : undefined };
}

function actionOf(method: string, isComponent: boolean): string {
  if (method === 'GET' || method === 'HEAD') return 'read';
  if (isComponent) return 'run';
  return method === 'DELETE' ? 'delete' : 'write';
}

function requireScope(scopes: readonly unknown[], { resource, action, id }: Permission): void {
  const needed = `${resource}:${action}`;
  const sufficient = ['agent_os:admin', needed, `${resource}:*:${action}`];
  if (id !== undefined) sufficient.push(`${resource}:${id}:${action}`);
  if (sufficient.some((scope) => scopes.includes(scope))) return;
  throw new ForbiddenException(`Insufficient permissions. Required scope(s): ${needed}`);
}

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });
const billing = new Agent({ id: 'billing', engine: ({ input }) => `You owe: ${input}` });

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support, billing],
      http: {
        guards: [JwtGuard],
        userId: (request: AuthenticatedRequest) => request.user?.sub,
      },
    }),
  ],
  providers: [IssuerKeys, JwtGuard],
})
export class JwtModule {}
