import { Controller, Get, Header } from '@nestjs/common';

/** Whether the server answers. Open to everybody. */
@Controller()
export class HealthController {
  readonly #instantiatedAt = new Date().toISOString();

  @Get('health')
  @Header('Cache-Control', 'no-store')
  health(): { status: 'ok'; instantiated_at: string } {
    return { status: 'ok', instantiated_at: this.#instantiatedAt };
  }
}
