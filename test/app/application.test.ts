import { contractSuite } from './contractSuite.js';

contractSuite('in the same process', async (app) => ({
  transport: app,
  get: async (url) => {
    const file = await app.file(url).catch(() => null);
    return file === null ? null : new Uint8Array(file.bytes);
  },
  close: async () => undefined,
}));
