/**
 * A source that an answer refers to: a web page, or a document.
 *
 * @example
 * ```ts
 * const page: RunSource = { kind: 'url', id: '1', url: 'https://example.com/returns', title: 'Returns' };
 * const passage: RunSource = { kind: 'document', id: '2', title: 'Handbook', excerpt: 'Returns take 30 days.' };
 * ```
 */
export type RunSource = {
  /** Unique within the answer. */
  readonly id: string;
  /** The text of the source that the answer relies on, if the engine knows it. */
  readonly excerpt?: string;
} & (
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly title?: string;
    }
  | {
      readonly kind: 'document';
      readonly title: string;
      /** Such as `application/pdf`. */
      readonly mediaType?: string;
      /** The name of its file. */
      readonly name?: string;
    }
);
