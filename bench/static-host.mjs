import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

/** @type {Readonly<Record<string, string>>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
};

/**
 * A plain host of files: whole files under a path, no ranges, no compression, no pages of its own.
 * @param {string} folder
 */
export async function hostFiles(folder, under = '/') {
  const server = createServer(({ url = '' }, response) => {
    const path = decodeURIComponent(url.replace(/[?#].*/, ''));
    const file = join(
      folder,
      normalize(`/${path.slice(under.length)}`),
      path.endsWith('/') ? 'index.html' : '',
    );
    const size = path.startsWith(under) ? statSync(file, { throwIfNoEntry: false }) : undefined;
    if (!size?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-length': size.size,
    });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}${encodeURI(under)}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
