// Writes docs/config.md from the config's schema: every field with its default, range and meaning. Run after `npm run compile`.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const INTRO = `# The experiment's config

An experiment is one JSON object inside the \`.stepadapt\` file. Every field has a default, so \`{}\` is a complete experiment;
unknown fields and values out of range are refused by name. Set fields on the command line with \`--set field=value\`
(\`stepadapt new DIR --preset shapes-tiny --set base.steps=500\`).

This page is made from the schema by \`node build/configDocs.mjs\`.
`;

/**
 * The parts of JSON Schema that the config uses.
 * @typedef {object} Schema
 * @property {string} [type]
 * @property {string} [description]
 * @property {unknown} [default]
 * @property {unknown} [const]
 * @property {readonly unknown[]} [enum]
 * @property {readonly Schema[]} [anyOf]
 * @property {Schema} [items]
 * @property {Record<string, Schema>} [properties]
 * @property {number} [minimum]
 * @property {number} [exclusiveMinimum]
 * @property {number} [maximum]
 */

/** @type {(schema: Schema) => string} */
function range(schema) {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.anyOf) return schema.anyOf.map((part) => (part.type === 'null' ? '`null`' : range(part))).join(' or ');
  if ('const' in schema) return `\`${schema.const}\``;
  if (schema.type === 'boolean') return '`true`, `false`';
  if (schema.type === 'array' && schema.items) return `list of ${range(schema.items)}`;
  if (schema.type === 'string') return 'text';
  const low = schema.exclusiveMinimum !== undefined ? `above ${schema.exclusiveMinimum}` : `${schema.minimum ?? ''}`;
  const high = schema.maximum === undefined || schema.maximum >= 1e9 ? 'and up' : `to ${schema.maximum}`;
  return `${low} ${high}${schema.type === 'integer' ? ', whole' : ''}`.trim();
}

/** @type {(schema: Schema, prefix: string) => string[]} */
function rows(schema, prefix) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    if (field.type === 'object' && field.properties) return rows(field, path);
    const fallback = field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``;
    return [`| \`${path}\` | ${fallback} | ${range(field)} | ${field.description ?? ''} |`];
  });
}

/**
 * @param {Schema} schema JSON Schema of the config
 * @returns {string} Markdown
 */
export function configDocs(schema) {
  const sections = Object.entries(schema.properties ?? {}).filter(([, field]) => field.type === 'object');
  const loose = Object.entries(schema.properties ?? {}).filter(([, field]) => field.type !== 'object');
  const table = (/** @type {readonly string[]} */ lines) =>
    ['| field | default | values | meaning |', '| --- | --- | --- | --- |', ...lines].join('\n');
  const general = table(rows({ properties: Object.fromEntries(loose) }, ''));
  return [
    INTRO,
    `## General\n\n${general}\n`,
    ...sections.map(([name, field]) => `## ${name}\n\n${table(rows(field, name))}\n`),
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const { configSchema } = await import(pathToFileURL(join(root, 'dist/src/contract/config.js')).href);
  const { z } = await import('zod');
  writeFileSync(join(root, 'docs', 'config.md'), configDocs(/** @type {Schema} */ (z.toJSONSchema(configSchema))));
}
