import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import { join } from 'node:path';
import tseslint from 'typescript-eslint';
import layers from './scripts/eslint-layers.js';

const src = join(import.meta.dirname, 'src');

/**
 * The folders of src/, lowest first: each imports itself and what stands before it. `root` stands for the files
 * directly in src/ (agent-os.service.ts, agent-os.options.ts, …) except those of TOP. A folder that is missing
 * here fails the lint. ARCHITECTURE.md explains the order.
 */
const LAYERS = [
  'data',
  'model',
  'errors',
  'options',
  'peers',
  'telemetry',
  'execution',
  'sessions',
  'hooks',
  'runs',
  'components',
  'evals',
  'guardrails',
  'sql',
  'bullmq',
  'protocol',
  'ag-ui',
  'ai-sdk',
  'root',
  'http',
  'dashboard',
  'openapi',
  'cli',
];
/** What may import everything: the wiring, then the lists of public names, then the test kit, a folder. */
const TOP = [
  ...['agent-os.module-definition', 'agent-os.module', 'index', 'engine', 'executor', 'stores', 'workflow'],
  'testing',
];
/** The host chooses the HTTP adapter, and inside src/ the package is imported by file. */
const FORBIDDEN = [
  '@nestjs/platform-express',
  '@nestjs/platform-fastify',
  'express',
  'fastify',
  'nestjs-agentos',
];

/** A call by this function or its `each`, with this value as one of its arguments. */
const titled = (name, argument) =>
  [`[callee.name=${name}]`, `[callee.callee.object.name=${name}]`].map(
    (callee) => `CallExpression${callee}${argument}`,
  );

/** The names of tests are sentences: what a rule can tell of it. Code, such as `readFile()` or `bullmq-store`, may be a subject. */
const TEST_NAMES = [
  ...[
    ...titled('/^(describe|it)$/', '[arguments.0.value=/^[a-z]+( |$)/]'),
    ...titled('/^describeWherePossible$/', '[arguments.1.value=/^[a-z]+( |$)/]'),
  ].map((call) => ({
    selector: `Program > ExpressionStatement > ${call}`,
    message:
      'The name of a test begins with its subject, in upper case: "A hook that fails", "resolveOptions()".',
  })),
  ...titled('/^it$/', '[arguments.0.value=/^(should |[^ %$]+$)/]').map((selector) => ({
    selector,
    message:
      'The name of a test, with the names of the groups around it, is a sentence that says what holds: "ends the run".',
  })),
];

/** The test kit works in every runner, so it knows none, and needs no package that an application may not have. */
const TEST_PACKAGES = [
  '@jest/*',
  'jest*',
  'vitest*',
  '@vitest/*',
  'node:test*',
  'expect',
  'chai',
  'supertest',
  '@nestjs/testing',
];

const NODE_GLOBALS = [
  ...['AbortController', 'AbortSignal', 'Buffer', 'FormData', 'TextDecoder', 'TextEncoder', 'URL'],
  ...['URLSearchParams', 'clearImmediate', 'clearInterval', 'clearTimeout', 'console', 'fetch', 'gc'],
  ...['global', 'globalThis', 'performance', 'process', 'queueMicrotask', 'setImmediate', 'setInterval'],
  ...['setTimeout', 'structuredClone'],
];

const BROWSER_GLOBALS = [
  ...[
    'FormData',
    'Intl',
    'TextDecoderStream',
    'addEventListener',
    'removeEventListener',
    'crypto',
    'document',
    'location',
  ],
  'sessionStorage',
];

export default defineConfig(
  // Programs that are compiled elsewhere: in projects of their own, beside a generated client.
  {
    ignores: [
      'dist',
      'coverage',
      '**/.venv',
      'scripts/hosts',
      'scripts/openapi-client/use-*.ts',
      'src/dashboard/page/htm-preact.js',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      // What was thrown is passed on as it is; toError() makes an Error of it where it is reported.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { layers },
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      'layers/order': ['error', { src, layers: LAYERS, top: TOP, forbidden: FORBIDDEN }],
      'layers/no-cycle': ['error', { src }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'PropertyDefinition[readonly!=true][static=false][declare!=true]:not([key.type="PrivateIdentifier"]):not([accessibility="private"])',
          message: "A field is #private or readonly: an object's fields are written in its own file.",
        },
      ],
    },
  },
  {
    files: ['src/testing/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: TEST_PACKAGES, message: 'The test kit is free of any runner: it throws.' }] },
      ],
    },
  },
  {
    files: ['sample-app/**/*.ts', 'docs/examples/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [{ regex: '/src/', message: "Samples import 'nestjs-agentos' like any application." }],
        },
      ],
    },
  },
  {
    // A test throws what it likes, returns what it likes and reads untyped JSON.
    files: ['test/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...TEST_NAMES],
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: Object.fromEntries(NODE_GLOBALS.map((name) => [name, 'readonly'])) },
  },
  {
    files: ['src/dashboard/page/*.js'],
    languageOptions: { globals: Object.fromEntries(BROWSER_GLOBALS.map((name) => [name, 'readonly'])) },
  },
);
