/** Decorators as functions, for classes in plain JavaScript. */
export function decorateMethod(target, name, ...decorators) {
  const { prototype } = target;
  for (const decorate of decorators)
    decorate(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
}

/** Decorates the parameters of a method, in their order. */
export function decorateParameters(target, name, ...decorators) {
  decorators.forEach((decorate, index) => decorate(target.prototype, name, index));
}
