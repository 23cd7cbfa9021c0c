import { type Posted, type PostOptions, postJson, shortened } from '../../base/post-json.ts';
import { PolysemeError, UsageError } from '../../errors.ts';
import type { SentFeature } from './features.ts';

/** Neuronpedia's API, as far as an upload needs it. */
export interface Neuronpedia {
  /** Makes a model, where there is none of this id. */
  makeModel(id: string, layers: number): Promise<void>;
  /** Makes a source set, and with it a source for each layer, where there is none of this name. */
  makeSourceSet(name: string, model: string, description: string): Promise<void>;
  /** Adds features to a source. A feature that is there stays as it is, but its activations come a second time. */
  upload(model: string, source: string, features: readonly SentFeature[]): Promise<void>;
  /** Whether a source has a feature. */
  has(model: string, source: string, index: number): Promise<boolean>;
}

/** @param base `https://…/api`, or the instance's address without `/api` */
export function neuronpedia(
  base: string,
  key: string | undefined,
  options: Omit<PostOptions, 'headers'> = {},
): Neuronpedia {
  const api = apiAddress(base);
  const headers: PostOptions['headers'] = key === undefined ? {} : { 'x-api-key': key };
  const fail = (path: string, posted: Posted): never => {
    // A proxy's page of 502 to 504 says that the API is away.
    const isPage = posted.status !== null && posted.status < 502 && /^\s*</.test(posted.body);
    const said = posted.status === null ? posted.why : `status ${posted.status}`;
    const why = posted.status === null || isPage ? said : `${said}, ${shortened(posted.body)}`;
    const mend =
      posted.status === 401 || posted.status === 403
        ? '; put a key that it knows into NEURONPEDIA_API_KEY'
        : isPage
          ? ' and a web page: this is no API of a Neuronpedia; see option to'
          : '; run the same command again: what was accepted is not sent again';
    throw new PolysemeError(`${api}${path} does not take the upload: ${why}${mend}`, 'unreachable');
  };
  const post = async (path: string, value: unknown, isThere?: RegExp): Promise<void> => {
    // What is said to be there may come twice; activations may not.
    const once = isThere === undefined ? { attempts: 1 } : {};
    const posted = await postJson(`${api}${path}`, value, { ...options, ...once, headers });
    if (posted.status !== null && posted.status >= 200 && posted.status < 300) return;
    if (posted.status !== null && posted.status < 500 && isThere?.test(posted.body)) return;
    fail(path, posted);
  };
  const isThere = /already|exist|taken|unique/i;
  return {
    makeModel: (id, layers) => post('/model/new', { id, layers, displayName: id }, isThere),
    makeSourceSet: (name, modelId, description) =>
      post('/source-set/new', { name, modelId, description }, isThere),
    upload: (modelId, source, features) => post('/feature/upload-batch', { modelId, source, features }),
    async has(model, source, index) {
      const path = `/feature/${encodeURIComponent(model)}/${encodeURIComponent(source)}/${index}`;
      const posted = await postJson(`${api}${path}`, undefined, { ...options, headers });
      if (posted.status === 404) return false;
      if (posted.status !== 200) fail(path, posted);
      return (posted as { body: string }).body.trim() !== 'null';
    },
  };
}

function apiAddress(base: string): string {
  const address = URL.canParse(base) ? new URL(base) : null;
  if (address === null || !/^https?:$/.test(address.protocol) || address.username !== '') {
    throw new UsageError(
      `${JSON.stringify(base)} is no address of a Neuronpedia: give one such as http://localhost:3000 (option to)`,
    );
  }
  const path = address.pathname.replace(/\/+$/, '');
  return `${address.origin}${path.endsWith('/api') ? path : `${path}/api`}`;
}
