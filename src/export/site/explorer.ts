import { existsSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PolysemeError } from '../../errors.ts';

/** The built explorer of this package. */
const WEB = fileURLToPath(new URL('../../../dist/web/', import.meta.url));
/** What tells a site's page from a server's: where its data lies. */
const MARK = '<meta name="polyseme-site" content="./data/" />';
/** Says what to do where the page is opened as a file. */
const OPENED_AS_FILE = '<script src="./file.js"></script>';
/** As the server's header: scripts, styles and data of the site alone; and WebAssembly where it has a model to run. */
const policy = (hasModel: boolean): string =>
  `default-src 'none'; script-src 'self'${hasModel ? " 'wasm-unsafe-eval'" : ''}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'`;

/** Copies the explorer into a folder, so that it works at any path and reads the data beside it. */
export async function copyExplorer(
  folder: string,
  { web = WEB, hasModel = false }: { readonly web?: string | undefined; readonly hasModel?: boolean } = {},
): Promise<void> {
  if (!existsSync(join(web, 'index.html'))) {
    throw new PolysemeError(`the explorer is not built: ${web} has no index.html`, 'not-found');
  }
  await cp(web, folder, { recursive: true });
  const page = join(folder, 'index.html');
  const html = await readFile(page, 'utf8');
  await writeFile(page, sitePage(html, hasModel));
}

/** The explorer's page as that of a site. */
export function sitePage(html: string, hasModel = false): string {
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy(hasModel)}" />`;
  return html
    .replace(
      '<meta charset="utf-8" />',
      (charset) => `${charset}\n    ${meta}\n    ${MARK}\n    ${OPENED_AS_FILE}`,
    )
    .replaceAll(/ (href|src)="\/(?!\/)/g, ' $1="./')
    .replace(/<noscript>.*?<\/noscript>/s, '<noscript>The explorer needs JavaScript.</noscript>');
}
