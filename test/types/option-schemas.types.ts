/**
 * Schemas of options that differ from their interface: the type checker refuses each. Nothing here runs: `tsc` fails
 * if a line marked `@ts-expect-error` compiles.
 */
import { flag, functionOf, optionsOf, wholeNumber } from '../../src/options/option.schemas.js';

interface Options {
  readonly count: number;
  readonly isOpen?: boolean;
  readonly call?: () => string;
}

const call = functionOf<() => string>().optional();

optionsOf<Options>()({ count: wholeNumber(1), isOpen: flag().optional(), call });
optionsOf<Options>()({ count: wholeNumber(1), isOpen: flag().default(true), call });

// @ts-expect-error call is missing
optionsOf<Options>()({ count: wholeNumber(1), isOpen: flag().optional() });

// @ts-expect-error no option is called size
optionsOf<Options>()({ count: wholeNumber(1), isOpen: flag().optional(), call, size: wholeNumber(1) });

// @ts-expect-error isOpen may be left out
optionsOf<Options>()({ count: wholeNumber(1), isOpen: flag(), call });

// @ts-expect-error count is a number
optionsOf<Options>()({ count: flag(), isOpen: flag().optional(), call });

// @ts-expect-error call returns a text
optionsOf<Options>()({ count: wholeNumber(1), isOpen: flag().optional(), call: functionOf<() => number>() });
