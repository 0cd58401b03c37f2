/** @jest-environment node */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Logger, Module, Param, Req, RequestMethod, Res } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer, RouterModule } from '@nestjs/core';
import { RouteConfig } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';

import { findRoutePathFactory, NEST_KEYS, NEST_PARAMETERS } from '../../../src/peers/nest.internals.js';

@Controller({ path: 'orders', host: 'shop.example', version: '1' })
class OrdersController {
  @Get(':id')
  @RouteConfig({ mine: true })
  find(@Req() _request: unknown, @Res() _response: unknown, @Param('id') _id: string): void {}
}

@Module({ controllers: [OrdersController] })
class OrdersModule {}

@Module({ imports: [OrdersModule, RouterModule.register([{ path: 'shop', module: OrdersModule }])] })
class ShopModule {}

const read = (key: keyof typeof NEST_KEYS, target: object, property?: string): unknown =>
  property === undefined
    ? Reflect.getMetadata(NEST_KEYS[key], target)
    : Reflect.getMetadata(NEST_KEYS[key], target, property);
const handler = Object.getOwnPropertyDescriptor(OrdersController.prototype, 'find')?.value as object;

afterEach(() => {
  jest.restoreAllMocks();
  jest.resetModules();
});

describe('The installed version of Nest', () => {
  it.each([
    ['path', OrdersController, 'orders'],
    ['host', OrdersController, 'shop.example'],
    ['version', OrdersController, '1'],
    ['path', handler, ':id'],
    ['method', handler, RequestMethod.GET],
    ['routeConfig', handler, { mine: true }],
  ] as const)('keeps the %s of %p where NEST_KEYS says', (key, target, value) => {
    expect(read(key, target)).toEqual(value);
  });

  it('keeps the parameters of a handler by the numbers of NEST_PARAMETERS', () => {
    const { request, response, path } = NEST_PARAMETERS;
    expect(read('routeArguments', OrdersController, 'find')).toEqual({
      [`${request}:0`]: expect.objectContaining({ index: 0 }),
      [`${response}:1`]: expect.objectContaining({ index: 1 }),
      [`${path}:2`]: expect.objectContaining({ index: 2, data: 'id' }),
    });
  });

  it('keeps the path of a module under the key of its application', async () => {
    const testing = await Test.createTestingModule({ imports: [ShopModule] }).compile();
    const { applicationId } = testing.get(ModulesContainer);
    expect(Reflect.getMetadata(`${NEST_KEYS.modulePath}${applicationId}`, OrdersModule)).toBe('/shop');
    await testing.close();
  });

  it('has a RoutePathFactory that makes paths', async () => {
    const RoutePathFactory = await findRoutePathFactory();
    expect(RoutePathFactory).toBeDefined();
    const factory = RoutePathFactory && new RoutePathFactory(new ApplicationConfig());
    expect(factory?.create({ ctrlPath: '/orders', methodPath: '/:id', globalPrefix: '/api' })).toEqual([
      '/api/orders/:id',
    ]);
  });
});

describe('A version of Nest without RoutePathFactory', () => {
  const module = '@nestjs/core/router/route-path-factory.js';

  it.each([
    ['whose module has another content', () => ({}), 'it exports no RoutePathFactory'],
    [
      'that has no such module',
      () => {
        throw new Error('Cannot find it');
      },
      'Cannot find it',
    ],
  ])('%s causes a warning', async (_kind, content, reason) => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    jest.unstable_mockModule(module, content);
    expect(await findRoutePathFactory()).toBeUndefined();
    expect(warn.mock.calls.flat()).toEqual([expect.stringContaining(`cannot be used (${reason}`)]);
  });
});
