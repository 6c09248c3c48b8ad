// What the page has, by name.

/** An element of the page. */
export function at(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no ${id}`);
  return element;
}

export const input = (id: string) => at(id) as HTMLInputElement;
export const button = (id: string) => at(id) as HTMLButtonElement;
