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
  '**/engine/*',
  '**/gather/*',
  '**/perform/*',
  '**/reconcile/*',
  '**/log.ts',
  '**/config/*',
]

const features = ['shares', 'provisioning', 'gateways', 'skeletons']
const programs = ['commands', 'daemon', 'demo', 'ops']

/** From the bottom up: a folder imports none beside it, and none above it. CONTRIBUTING.md says what is in each. */
export const layers = [
  ['documents'],
  ['couch', 'functions'],
  ['users'],
  ['engine'],
  ['mirror', 'skeletons'],
  ['shares', 'provisioning', 'gateways'],
]
const foundations = layers.slice(0, -1)

/**
 * Folders, and those that they do not import, types included: what all stand on knows nobody who stands on it, and features do not
 * know each other. Skeletons know none of the others, which stand on them: their databases are created from skeletons. The configuration
 * is made of what features say of their settings.
 */
const boundaries = {
  ...Object.fromEntries(
    layers.flatMap((layer, at) =>
      layer.map((folder) => [
        folder,
        [
          ...layers
            .slice(at)
            .flat()
            .filter((one) => one !== folder),
          ...(foundations.includes(layer) ? ['config'] : []),
          ...['embedded', ...programs],
        ],
      ]),
    ),
  ),
  embedded: ['couch', 'engine', 'users', 'mirror', 'config', ...features, ...programs],
}

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
    // Plans decide, and documents are what they read and write: neither reaches for the world, so that every decision can be replayed.
    files: ['src/**/plan/**', 'src/**/model/**', 'src/**/plan.ts', 'src/**/plan-*.ts', 'src/documents/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: outsideWorld,
              message: 'Plans and documents are pure: take what you need as an argument.',
            },
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
        { object: 'Date', property: 'now', message: 'Plans and documents have no clock.' },
        { object: 'Math', property: 'random', message: 'Plans and documents have no randomness.' },
      ],
    },
  },
  ...Object.entries(boundaries).map(([folder, others]) => ({
    files: [`src/${folder}/**`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: others.map((other) => `**/${other}/**`),
              message: `${folder}/ stands without it: the wiring hands in what is needed.`,
            },
          ],
        },
      ],
    },
  })),
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
    languageOptions: { globals: { module: 'writable', process: 'readonly', __dirname: 'readonly' } },
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
