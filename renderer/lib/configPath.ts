/** Reading and writing a field of a nested plain object by its dotted path. Objects are never changed in place. */

type Plain = Readonly<Record<string, unknown>>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function getPath(root: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isPlain(value) ? value[key] : undefined), root);
}

/** A copy of `root` with the field set; `undefined` removes it. */
export function setPath<T>(root: T, path: string, value: unknown): T {
  return setKeys(root, path.split('.'), value) as T;
}

function setKeys(root: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  const object = isPlain(root) ? root : {};
  const next = rest.length === 0 ? value : setKeys(object[key], rest, value);
  const copy: Record<string, unknown> = { ...object };
  if (next === undefined) delete copy[key];
  else copy[key] = next;
  return copy;
}

/** Dotted paths of every leaf, arrays being leaves. */
export function leafPaths(root: unknown, prefix = ''): string[] {
  if (!isPlain(root)) return prefix === '' ? [] : [prefix];
  return Object.entries(root).flatMap(([key, value]) => leafPaths(value, prefix === '' ? key : `${prefix}.${key}`));
}
