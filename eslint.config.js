import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import vue from 'eslint-plugin-vue';

/**
 * Folders of `src/`, lowest layer first. A folder may import from its own layer's listed peers and from any lower layer, never
 * from a higher one (src/README.md draws the map).
 */
const layers = [
  ['contract'],
  ['project', 'formats'],
  ['tensor'],
  ['diffusion', 'data'],
  ['model'],
  ['sampling', 'training'],
  ['method', 'evaluation'],
  ['pipeline'],
  ['report'],
  ['jobs'],
  ['app'],
  ['cli', 'server', 'cluster'],
];

const layerZones = layers.flatMap((folders, level) =>
  folders.flatMap((folder) =>
    layers
      .slice(level + 1)
      .flat()
      .map((higher) => ({
        target: `./src/${folder}`,
        from: `./src/${higher}`,
        message: `src/${folder} is a lower layer than src/${higher}: imports only point downwards.`,
      })),
  ),
);

const hostZones = [
  { target: './src', from: './electron', message: 'The product never imports its hosts.' },
  { target: './src', from: './renderer', message: 'The product never imports its window.' },
  { target: './renderer', from: './src', except: ['./contract'], message: 'The renderer knows the contract alone.' },
  { target: './renderer', from: './electron', message: 'The renderer never knows its host.' },
  { target: './electron', from: './renderer', message: 'The main process never imports the window.' },
  {
    target: './electron',
    from: './src',
    except: ['./contract', './app'],
    message: 'Electron imports the contract and the application API alone.',
  },
];

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'release', 'test/golden'] },
  ...tseslint.configs.recommended,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.ts', '**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [importX.createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'] } })] },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'import-x/no-restricted-paths': ['error', { zones: [...layerZones, ...hostZones] }],
      'import-x/no-cycle': 'error',
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
    },
  },
);
