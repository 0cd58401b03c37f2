import 'reflect-metadata';

/** The metadata key under which `@Hook` and `@Guardrail` store their options. */
export const HOOK_METADATA = Symbol('nestjs-agentos:hook');

/** The options of one decorator, as the user gave them: unchecked. */
export interface HookDecoration {
  readonly decorator: 'Hook' | 'Guardrail';
  readonly options: object;
}
