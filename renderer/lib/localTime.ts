/** An instant as `<input type="datetime-local">` shows it: `2026-12-01T22:30`, in the time zone of the window. */
export function toLocalInput(iso: string): string {
  const at = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The instant that such an input holds, as ISO time; null where it is empty or not complete. */
export function fromLocalInput(text: string): string | null {
  const at = new Date(text);
  return text === '' || Number.isNaN(+at) ? null : at.toISOString();
}
