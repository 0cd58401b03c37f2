import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';

/**
 * ESLint rules for the shape of src/. They resolve each import instead of matching its text, and they also see
 * `export … from`, `import('…')` and `typeof import('…')`.
 *
 * - layers/order: a layer imports itself and what stands before it; src/ imports nothing outside of src/.
 * - layers/no-cycle: no chain of imports, those of types included, leads back to the file.
 */

const sourceOf = (node) => {
  const source = node.source ?? node.argument?.literal ?? node.argument;
  return typeof source?.value === 'string' ? source : undefined;
};

/** Calls `visit(literal)` for every module specifier in a file, static or dynamic. */
const onImport = (visit) => {
  const check = (node) => {
    const source = sourceOf(node);
    if (source) visit(source);
  };
  return {
    ImportDeclaration: check,
    ExportNamedDeclaration: check,
    ExportAllDeclaration: check,
    ImportExpression: check,
    TSImportType: check,
  };
};

const order = {
  meta: {
    type: 'problem',
    schema: [
      {
        type: 'object',
        properties: {
          src: { type: 'string' },
          layers: { type: 'array', items: { type: 'string' } },
          top: { type: 'array', items: { type: 'string' } },
          forbidden: { type: 'array', items: { type: 'string' } },
        },
        required: ['src', 'layers', 'top', 'forbidden'],
        additionalProperties: false,
      },
    ],
    messages: {
      unknown:
        "The folder src/{{layer}} has no place in the layer order; enter it in eslint.config.js's LAYERS.",
      backwards: '{{from}} may not import {{to}}: the order is {{layers}}, and imports go to the left only.',
      outside: '{{from}} may not import {{to}}, which is outside of src/.',
      forbidden: 'src/ may not import {{to}}.',
    },
  },
  create(context) {
    const { src, layers: folders, top, forbidden } = context.options[0];
    const layers = [...folders, ...top];
    /** The layer of an absolute path: its folder, a file of `top`, or `root` for the other files of src/. */
    const layerOf = (path) => {
      const [first, ...rest] = relative(src, path).split(sep);
      if (first === '..') return undefined;
      if (rest.length > 0) return first;
      const name = first.replace(/\.[cm]?[jt]s$/, '');
      if (name === '') return 'index';
      // './hooks' without a file would mean the folder.
      return top.includes(name) || folders.includes(name) ? name : 'root';
    };
    const from = layerOf(context.filename);
    const rank = layers.indexOf(from);
    if (rank < 0) {
      return { Program: (node) => context.report({ node, messageId: 'unknown', data: { layer: from } }) };
    }
    return onImport((source) => {
      const name = source.value;
      const report = (messageId, to) =>
        context.report({ node: source, messageId, data: { from, to, layers: layers.join(' < ') } });
      if (!name.startsWith('.')) {
        if (forbidden.some((entry) => name === entry || name.startsWith(`${entry}/`)))
          report('forbidden', name);
        return;
      }
      const to = layerOf(resolve(dirname(context.filename), name));
      if (to === undefined) report('outside', name);
      else if (!layers.includes(to))
        context.report({ node: source, messageId: 'unknown', data: { layer: to } });
      else if (layers.indexOf(to) > rank) report('backwards', to);
    });
  },
};

const STATIC_IMPORT = /^[ \t]*(?:import|export)\b(?:[^'";]*?\bfrom)?\s*['"](\.[^'"]+)['"]/gm;

/** The TypeScript file behind a relative specifier, or undefined. */
const fileOf = (from, specifier) => {
  const path = resolve(dirname(from), specifier).replace(/\.js$/, '.ts');
  return existsSync(path) ? path : undefined;
};

const noCycle = {
  meta: {
    type: 'problem',
    schema: [{ type: 'object', properties: { src: { type: 'string' } }, required: ['src'] }],
    messages: { cycle: 'Circular import: {{chain}}.' },
  },
  create(context) {
    const { src } = context.options[0];
    const start = context.filename;
    const seen = new Set();
    const chainTo = (file) => {
      if (file === start) return [file];
      if (seen.has(file)) return undefined;
      seen.add(file);
      for (const [, specifier] of readFileSync(file, 'utf8').matchAll(STATIC_IMPORT)) {
        const next = fileOf(file, specifier);
        const chain = next && chainTo(next);
        if (chain) return [file, ...chain];
      }
      return undefined;
    };
    const check = (node) => {
      if (!node.source?.value.startsWith('.')) return;
      const file = fileOf(start, node.source.value);
      const chain = file && chainTo(file);
      if (!chain) return;
      const names = [start, ...chain].map((path) => relative(src, path)).join(' -> ');
      context.report({ node: node.source, messageId: 'cycle', data: { chain: names } });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};

export default { meta: { name: 'layers' }, rules: { order, 'no-cycle': noCycle } };
