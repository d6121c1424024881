/** Fields of the experiment as a form needs them, read from the JSON schema that the host derives from its own schema. */
export interface ConfigFieldInfo {
  /** Dotted path. */
  readonly path: string;
  readonly title: string;
  readonly kind: 'number' | 'boolean' | 'choice' | 'text' | 'list';
  readonly integer: boolean;
  readonly nullable: boolean;
  readonly choices: readonly (string | number)[];
  /** Doc line, and the range in words. */
  readonly doc: string;
  readonly range: string;
  readonly fallback: unknown;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly (string | number)[];
  readonly const?: string | number;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly items?: Schema;
}

/** Every leaf, in the order of the schema. */
export function configFields(schema: unknown, prefix = ''): ConfigFieldInfo[] {
  const { properties = {} } = schema as Schema;
  return Object.entries(properties).flatMap(([key, part]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    return part.properties === undefined ? [fieldInfo(path, key, part)] : configFields(part, path);
  });
}

function fieldInfo(path: string, key: string, part: Schema): ConfigFieldInfo {
  const options = part.anyOf ?? [part];
  const nullable = options.some(({ type }) => type === 'null');
  const real = options.filter(({ type }) => type !== 'null');
  const constants = real.map((option) => option.const).filter((value) => value !== undefined);
  const choices = constants.length > 0 && constants.length === real.length ? constants : (real[0]?.enum ?? []);
  const main = real[0] ?? {};
  return {
    path,
    title: words(key),
    kind: kindOf(main, choices),
    integer: main.type === 'integer',
    nullable,
    choices,
    doc: part.description ?? '',
    range: rangeOf(main),
    fallback: part.default,
  };
}

function kindOf({ type }: Schema, choices: readonly unknown[]): ConfigFieldInfo['kind'] {
  if (choices.length > 0) return 'choice';
  if (type === 'boolean') return 'boolean';
  if (type === 'integer' || type === 'number') return 'number';
  return type === 'array' ? 'list' : 'text';
}

/** Limits beyond what anyone would type say nothing and are left out. */
const WIDE = 1_000_000;

function rangeOf({ type, minimum, maximum, exclusiveMinimum }: Schema): string {
  if (type !== 'number' && type !== 'integer') return '';
  const low = minimum !== undefined && minimum > -WIDE ? `from ${minimum}` : '';
  const above = exclusiveMinimum !== undefined && exclusiveMinimum > -WIDE ? `above ${exclusiveMinimum}` : '';
  const high = maximum !== undefined && maximum < WIDE ? `to ${maximum}` : '';
  return [low || above, high].filter((text) => text !== '').join(' ');
}

/** `targetMean` -> `Target mean` */
function words(key: string): string {
  const text = key.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function showValue(value: unknown): string {
  if (value === null || value === undefined) return '';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

/** What was typed, as a value of the field's type. Ranges are left to the host, which knows them. */
export function parseInput(field: ConfigFieldInfo, text: string): Parsed {
  const trimmed = text.trim();
  if (trimmed === '') {
    if (field.nullable) return { ok: true, value: null };
    return field.kind === 'text' && field.fallback === undefined
      ? { ok: true, value: undefined }
      : { ok: false, problem: `${field.title} needs a value.` };
  }
  if (field.kind === 'list') {
    const values = trimmed.split(/[\s,;]+/).map(Number);
    return values.every(Number.isFinite)
      ? { ok: true, value: values }
      : { ok: false, problem: 'Numbers with commas between them are expected.' };
  }
  if (field.kind !== 'number') return { ok: true, value: trimmed };
  const value = Number(trimmed);
  if (!Number.isFinite(value)) return { ok: false, problem: `"${trimmed}" is not a number.` };
  return field.integer && !Number.isInteger(value)
    ? { ok: false, problem: 'A whole number is expected.' }
    : { ok: true, value };
}
