import { ValidationPipe } from '@nestjs/common';

/**
 * The strictest global pipe that a host may have: it refuses every object it is asked to validate, as class-validator
 * does with an object that has no decorated property.
 */
export function strictValidation(): ValidationPipe {
  return new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    transform: true,
    validatorPackage: {
      validate: () =>
        Promise.resolve([{ property: 'message', constraints: { whitelist: 'should not exist' } }]),
    },
    transformerPackage: { plainToInstance: (_type: unknown, value: unknown) => value } as never,
  });
}
