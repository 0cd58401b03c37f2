/** The options with their defaults, checked. */
export const RESOLVED_OPTIONS = Symbol('nestjs-agentos:resolved-options');

/** The options that decide the wiring: `AgentOsExtras`. */
export const EXTRAS = Symbol('nestjs-agentos:extras');
