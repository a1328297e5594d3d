import svelte from 'eslint-plugin-svelte';
import tseslint from 'typescript-eslint';

const clockBan = 'Take a Clock as a parameter (engine/base/clock.ts)';
const randomBan = 'Take a Random as a parameter (engine/base/random.ts)';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'test/golden/', 'test/fixtures/', 'docs/'] },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'prefer-const': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['engine/**/*.ts'],
    ignores: ['engine/base/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: clockBan },
        { name: 'setInterval', message: clockBan },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: clockBan },
        { object: 'performance', property: 'now', message: clockBan },
        { object: 'Math', property: 'random', message: randomBan },
        { object: 'crypto', property: 'randomBytes', message: randomBan },
        { object: 'crypto', property: 'randomUUID', message: randomBan },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: clockBan },
      ],
    },
  },
  {
    files: ['engine/**/*.ts'],
    ignores: ['engine/log/**', 'engine/commands/**'],
    rules: { 'no-console': 'error' },
  },
  {
    files: ['renderer/**/*.svelte', 'renderer/**/*.svelte.ts'],
    plugins: { svelte },
    languageOptions: {
      parser: svelte.configs.base[1]?.languageOptions?.parser,
      parserOptions: { parser: tseslint.parser },
    },
    rules: { 'svelte/no-at-html-tags': 'error', 'svelte/require-each-key': 'error' },
  },
);
