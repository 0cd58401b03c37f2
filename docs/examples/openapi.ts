import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import { ApiOkResponse, ApiProperty, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Agent, AgentOsModule } from 'nestjs-agentos';
import { createAgentOsDocument } from 'nestjs-agentos/openapi';

/** Call it before `app.listen()`. */
export function serveDocument(app: INestApplication): void {
  const config = new DocumentBuilder().setTitle('Support').setVersion('1.0').build();
  SwaggerModule.setup('docs', app, () => createAgentOsDocument(app, config), {
    jsonDocumentUrl: 'openapi.json',
  });
}

/** Declares the credentials that your own guards require. */
export function serveGuardedDocument(app: INestApplication): void {
  const config = new DocumentBuilder().setTitle('Support').addBearerAuth().build();
  const document = () => createAgentOsDocument(app, config, { security: [{ bearer: [] }] });
  SwaggerModule.setup('docs', app, document);
}

export class Greeting {
  @ApiProperty()
  text!: string;
}

/** An ordinary controller, to show that the document describes your own routes as before. */
@Controller('greetings')
export class GreetingsController {
  @Get()
  @ApiOkResponse({ type: Greeting })
  greet(): Greeting {
    return { text: 'Hello' };
  }
}

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Module({
  imports: [AgentOsModule.forRoot({ agents: [support], http: { prefix: 'os' } })],
  controllers: [GreetingsController],
})
export class OpenApiModule {}
