import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

/** The window: static files that any host serves under a strict content security policy, without inline scripts or eval. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    outDir: '../dist/renderer',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023',
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:7333', ws: true } } },
});
