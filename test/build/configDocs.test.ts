import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { configDocs } from '../../build/configDocs.mjs';
import { configSchema } from '../../src/contract/config.js';

it('docs/config.md is what the schema says (else: npm run compile && node build/configDocs.mjs)', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../docs/config.md'), 'utf8');
  const schema = z.toJSONSchema(configSchema) as Parameters<typeof configDocs>[0];
  expect(page).toBe(configDocs(schema));
  expect(page).toContain('`base.steps`');
});
