/** What a run was asked. Inline pre-hooks may change it; background hooks see it as it stood after them. */
export interface RunInput {
  /** The user's message. */
  content: string;
}
