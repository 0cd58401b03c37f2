import { NotFoundException } from '@nestjs/common';

/** No agent, team or workflow with this id is registered. */
export class ComponentNotFoundError extends NotFoundException {
  readonly code = 'component_not_found';

  constructor(readonly id: string) {
    super(`No agent, team or workflow with the id "${id}" is registered.`);
    this.name = new.target.name;
  }
}
