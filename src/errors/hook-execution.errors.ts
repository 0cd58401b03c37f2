import { ConflictException, GoneException, NotFoundException } from '@nestjs/common';

/** The ledger has no hook execution with this id. */
export class HookExecutionNotFoundError extends NotFoundException {
  readonly code = 'hook_execution_not_found';

  constructor(readonly id: string) {
    super(`There is no hook execution with the id "${id}", or it is not remembered any longer.`);
    this.name = new.target.name;
  }
}

/** The state of a hook execution does not allow the operation: only failed ones are retried, only waiting ones cancelled. */
export class HookExecutionConflictError extends ConflictException {
  readonly code = 'hook_execution_conflict';

  /** @param reason - a sentence */
  constructor(
    readonly id: string,
    reason: string,
  ) {
    super(`The hook execution "${id}" was left as it is. ${reason}`);
    this.name = new.target.name;
  }
}

/** A failed hook cannot be retried: the data of its run is not kept any longer. */
export class HookDataGoneError extends GoneException {
  readonly code = 'hook_data_gone';

  constructor(readonly id: string) {
    super(`The hook execution "${id}" cannot be retried: its data is no longer kept.`);
    this.name = new.target.name;
  }
}
