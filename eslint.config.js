import js from '@eslint/js'
import prettier from 'eslint-config-prettier'
import tseslint from 'typescript-eslint'

// lodash's isEqual calls methods that a document may hold under names such as `__wrapped__`; node:util's does not.
const outsideWorld = [
  'node:*',
  '!node:util',
  'nano',
  'undici',
  'pino',
  'p-queue',
  'dotenv',
  '**/couch/*',
  '**/write/*',
  '**/feed/*',
  '**/log.ts',
  '**/config.ts',
]

const absentInCouchdb = [
  ...[
    'Buffer',
    'Intl',
    'URL',
    'console',
    'crypto',
    'fetch',
    'performance',
    'process',
    'queueMicrotask',
    'require',
  ],
  ...['setImmediate', 'setInterval', 'setTimeout', 'structuredClone'],
]

const newerThanSpiderMonkey78 = [
  ['Object', 'hasOwn'],
  ['Object', 'groupBy'],
  ...['at', 'findLast', 'findLastIndex', 'toSorted', 'toReversed', 'toSpliced', 'with'].map((name) => [
    '',
    name,
  ]),
]

const syncGatewayFunctions = [
  ...['channel', 'access', 'role', 'expiry'],
  ...['requireUser', 'requireRole', 'requireAccess', 'requireAdmin'],
]

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'data/'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    // plan/ and model/ decide; they never reach for the world, so that every decision can be replayed.
    files: ['src/plan/**', 'src/model/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: outsideWorld, message: 'plan/ and model/ are pure: take what you need as an argument.' },
          ],
        },
      ],
      'no-restricted-globals': [
        'error',
        'process',
        'fetch',
        'setTimeout',
        'setInterval',
        'setImmediate',
        'performance',
        'crypto',
        'console',
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'plan/ and model/ have no clock.' },
        { object: 'Math', property: 'random', message: 'plan/ and model/ have no randomness.' },
      ],
    },
  },
  {
    // rules/ runs inside CouchDB, where there is nothing but the language, and not all of that.
    files: ['src/rules/**', 'skeleton/**/*.ts', 'docs/examples/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(?!\\./|couch-shares/rules$)', message: 'CouchDB has no modules.' }] },
      ],
      'no-restricted-globals': ['error', ...absentInCouchdb],
      'no-restricted-properties': [
        'error',
        ...newerThanSpiderMonkey78.map(([object, property]) => ({
          ...(object && { object }),
          property,
          message: 'SpiderMonkey 78 does not have it.',
        })),
      ],
    },
  },
  {
    files: ['test/**'],
    rules: { '@typescript-eslint/no-floating-promises': 'error' },
  },
  {
    // Design document functions are CouchDB's dialect, and the entry is plain JavaScript: not modules of this program.
    files: ['skeleton/**/*.js', 'docs/examples/**/*.js', 'bin/**/*.js', 'eslint.config.js', '.mocharc.cjs'],
    ...tseslint.configs.disableTypeChecked,
  },
  {
    // As it is, without a build: an old Node.js is to read it.
    files: ['bin/**/*.js'],
    languageOptions: { globals: { process: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { globals: { module: 'writable', process: 'readonly' } },
  },
  {
    // The function is what the file is for, though nothing here calls it.
    files: ['skeleton/**/*.js'],
    languageOptions: { globals: { emit: 'readonly' } },
    rules: { '@typescript-eslint/no-unused-vars': 'off', 'no-unused-vars': 'off', 'no-var': 'off' },
  },
  {
    // Sync Gateway's dialect. That it is ES5 is in the function's test: the parser here does not tell.
    files: ['docs/examples/**/sync.js'],
    languageOptions: { globals: Object.fromEntries(syncGatewayFunctions.map((name) => [name, 'readonly'])) },
    rules: {
      '@typescript-eslint/no-unused-vars': 'off',
      'no-unused-vars': ['error', { varsIgnorePattern: '^sync$' }],
      'no-var': 'off',
    },
  },
  prettier,
)
