/**
 * The configuration is wrong. Thrown while the application starts (or when a component is constructed or registered),
 * never while a request is served. The message names the cause and the remedy.
 */
export class AgentOsConfigurationError extends Error {
  readonly code = 'configuration_error';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
