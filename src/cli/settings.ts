import { inputError } from '../contract/errors.js';

/**
 * Applies `field.path=value` settings to a config. Values are JSON where they parse as JSON (numbers, true, null, lists) and
 * text otherwise. Whether fields and values are legal is for the config's schema to say.
 * @throws `BAD_SETTING` for anything that is not `field=value`
 */
export function applySettings(config: object, settings: readonly string[]): Record<string, unknown> {
  const result = structuredClone(config) as Record<string, unknown>;
  for (const setting of settings) {
    const [, path, text] = /^([a-zA-Z][a-zA-Z.]*)=(.*)$/s.exec(setting) ?? [];
    if (path === undefined) {
      throw inputError(
        'BAD_SETTING',
        `"${setting}" is not a setting`,
        'write --set field=value, such as --set base.steps=500',
      );
    }
    const fields = path.split('.');
    const last = fields.pop()!;
    let place = result;
    for (const field of fields) {
      const inner = Object.hasOwn(place, field) ? place[field] : undefined;
      place[field] = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {};
      place = place[field] as Record<string, unknown>;
    }
    place[last] = parseValue(text);
  }
  return result;
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
