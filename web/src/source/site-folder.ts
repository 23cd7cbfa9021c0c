/** Address of a site's data, which its page names; null where the page is a server's. */
export const siteFolder: string | null = (() => {
  const folder = document.querySelector<HTMLMetaElement>('meta[name="polyseme-site"]')?.content;
  return folder === undefined ? null : new URL(folder, document.baseURI).href;
})();
