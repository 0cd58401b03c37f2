import type ts from 'typescript';

import type { TypeScript } from './nest.project.js';

/** A text to be inserted at a position of another one. */
export interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** The items between two brackets of a program or of JSON. */
export interface BracketedList {
  readonly items: ts.NodeArray<ts.Node>;
  /** Around the items, without the brackets. */
  readonly start: number;
  readonly end: number;
}

/** The list of an array or object literal. */
export function listOf(
  literal: ts.ArrayLiteralExpression | ts.ObjectLiteralExpression,
  source: ts.SourceFile,
): BracketedList {
  const items = 'elements' in literal ? literal.elements : literal.properties;
  return { items, start: literal.getStart(source) + 1, end: literal.getEnd() - 1 };
}

/**
 * Adds an item at the end of a list, on a line of its own if the last one begins a line. Comments keep their places, and a
 * trailing comma stays one.
 */
export function appendTo(
  typescript: TypeScript,
  { items, start, end }: BracketedList,
  item: string,
  source: ts.SourceFile,
): Insertion[] {
  const { text } = source;
  const last = items.at(-1);
  if (!last) {
    // An object literal without spaces inside its braces looks cramped.
    const space = text[start - 1] === '{' ? ' ' : '';
    return [{ at: start, text: `${space}${item}${start === end ? space : ''}` }];
  }
  const comma = items.hasTrailingComma ? [] : [{ at: last.end, text: ',' }];
  const lineStart = text.lastIndexOf('\n', last.getStart(source)) + 1;
  // The end of the list's array of nodes includes the trailing comma.
  if (lineStart <= start) return [...comma, { at: items.end, text: ` ${item}` }];

  const [indentation = ''] = /^[\t ]*/.exec(text.slice(lineStart)) ?? [];
  const comments = typescript.getTrailingCommentRanges(text, items.end) ?? [];
  const line = `${lineBreakOf(text)}${indentation}${item}${items.hasTrailingComma ? ',' : ''}`;
  return [...comma, { at: comments.at(-1)?.end ?? items.end, text: line }];
}

/** The line break that a text uses. */
export function lineBreakOf(text: string): '\n' | '\r\n' {
  return /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n';
}

/** The text with all insertions, those at the same position in their order. */
export function insertInto(text: string, insertions: readonly Insertion[]): string {
  const inOrder = insertions.toSorted((one, other) => one.at - other.at);
  let result = '';
  let done = 0;
  for (const { at, text: inserted } of inOrder) {
    result += text.slice(done, at) + inserted;
    done = at;
  }
  return result + text.slice(done);
}
