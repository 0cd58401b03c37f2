import type { INestApplicationContext, Type } from '@nestjs/common';

/**
 * A provider of AgentOsModule.
 *
 * @param caller - the name of the calling function, for the error
 * @throws Error if the application does not import the module
 */
export function providerOf<T>(
  app: INestApplicationContext,
  token: Type<T> | (abstract new (...args: never[]) => T) | symbol,
  caller: string,
): T {
  try {
    return app.get<T>(token, { strict: false });
  } catch (error) {
    throw new Error(`${caller}: the application does not import AgentOsModule.`, { cause: error });
  }
}
