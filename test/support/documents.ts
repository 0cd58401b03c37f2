import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Paths of the files below a folder, relative to the repository. */
export function filesIn(folder: string, extension: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => join(folder, name));
}

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The contents of the fenced blocks of a language, in order. */
export function codeBlocks(markdown: string, language: string): string[] {
  const blocks = [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  return blocks.filter((block) => block[1] === language).map((block) => block[2] ?? '');
}

/** A program without its indentation and empty lines: a piece of it can be found whatever stands around it. */
export function trimLines(program: string): string {
  const lines = program.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join('\n');
}

/** The cells of the first table under a heading, without its header. */
export function tableUnder(markdown: string, heading: string): string[][] {
  const [, section = ''] = markdown.split(`\n${heading}\n`);
  const [, table = ''] = /((?:^\|.*\n)+)/m.exec(section) ?? [];
  const rows = table.trimEnd().split('\n').slice(2);
  return rows
    .map((row) => row.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

/** What stands in backticks in a text. */
export function namesIn(text = ''): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

/** Links and paths in a document that lead nowhere. */
export function brokenLinks(path: string): string[] {
  const text = readDocument(path);
  const links = [...text.matchAll(/\]\(([^):]+)\)/g)].map((match) => match[1] ?? '');
  const brokenTargets = links.filter((link) => !leadsSomewhere(path, link));
  const paths = namesIn(text).filter((name) => /^(src|test|docs|sample-app|scripts)\/[\w./-]*$/.test(name));
  return [...brokenTargets, ...paths.filter((name) => !existsSync(join(ROOT, name)))];
}

function leadsSomewhere(from: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? from : join(dirname(from), file);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsIn(readDocument(target)).includes(anchor);
}

function anchorsIn(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map((match) => match[1] ?? '');
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replace(/ /g, '-'),
  );
}
