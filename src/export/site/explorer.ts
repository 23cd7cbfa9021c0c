import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { block, partFile } from '../../contract/site.ts';
import { PolysemeError } from '../../errors.ts';
import { PAGE } from './site-folder.ts';

/** The built explorer of this package. */
const WEB = fileURLToPath(new URL('../../../dist/web/', import.meta.url));
/** What tells a site's page from a server's: where its data lies. */
const mark = (data: string): string => `<meta name="polyseme-site" content="./${data}/" />`;
/** Says what to do where the page is opened as a file; nothing waits for it. */
const OPENED_AS_FILE = '<script src="./file.js" defer></script>';
/** What every page of a site begins with, asked for before its scripts are there to ask. */
const FIRST = ['site.json', partFile(block.banks, 0)];
const preload = (data: string): string[] =>
  FIRST.map((path) => `<link rel="preload" as="fetch" crossorigin href="./${data}/${path}" />`);
/** As the server's header: scripts, styles and data of the site alone; and WebAssembly where it has a model to run. */
const policy = (hasModel: boolean): string =>
  `default-src 'none'; script-src 'self'${hasModel ? " 'wasm-unsafe-eval'" : ''}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'`;

/** The files of the built explorer, by path. */
export async function readExplorer(web = WEB): Promise<Map<string, Uint8Array>> {
  if (!existsSync(join(web, PAGE))) {
    throw new PolysemeError(`the explorer is not built: ${web} has no ${PAGE}`, 'not-found');
  }
  const files = new Map<string, Uint8Array>();
  for (const entry of await readdir(web, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(web, path).split(sep).join('/'), await readFile(path));
  }
  return files;
}

/** The explorer's page as that of a site, which works at any path. @param data the folder beside it that it reads */
export function sitePage(html: string, data: string, hasModel = false): string {
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy(hasModel)}" />`;
  return html
    .replace('<meta charset="utf-8" />', (charset) =>
      [charset, meta, mark(data), OPENED_AS_FILE, ...preload(data)].join('\n    '),
    )
    .replaceAll(/ (href|src)="\/(?!\/)/g, ' $1="./')
    .replace(/<noscript>.*?<\/noscript>/s, '<noscript>The explorer needs JavaScript.</noscript>');
}
