const LONGEST = 40;
const MOST = 20;

/** Tags as they are typed, `paper, ablation`; a sentence where they cannot be kept. */
export function parseTags(text: string): string[] | string {
  const tags = [
    ...new Set(
      text
        .split(',')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ''),
    ),
  ];
  if (tags.length > MOST) return `At most ${MOST} tags.`;
  if (tags.some((tag) => tag.length > LONGEST)) return `A tag has at most ${LONGEST} characters.`;
  return tags;
}

/** Whether a project is meant by what somebody typed: every word begins or lies in its name, its tags or its notes. */
export function isMeant(
  project: { readonly name: string; readonly notes: { readonly text: string; readonly tags: readonly string[] } },
  query: string,
): boolean {
  const known = [project.name, ...project.notes.tags, project.notes.text].join('\n').toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => known.includes(word));
}
