import 'reflect-metadata';

/** The metadata key under which `@Hook` and `@Guardrail` store what they were given. */
export const HOOK_METADATA = Symbol('nestjs-agentos:hook');

/** What one decorator wrote: unchecked, as the user gave it. */
export interface HookDecoration {
  readonly decorator: 'Hook' | 'Guardrail';
  readonly options: object;
}
