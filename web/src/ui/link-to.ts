/** The page's address with other parts of its search: what is on screen, at one feature or example. */
export function linkTo(search: { readonly feature?: number; readonly example?: number }): string {
  const url = new URL(window.location.href);
  url.searchParams.delete('feature');
  url.searchParams.delete('example');
  for (const [name, value] of Object.entries(search)) url.searchParams.set(name, String(value));
  return url.href;
}
