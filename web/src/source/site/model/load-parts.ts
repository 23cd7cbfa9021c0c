import type { SiteModelParts } from '../../../../../src/answers/site-model.ts';
import {
  modelBlock,
  type SiteBlock,
  type SiteModel,
  type SiteModelSummary,
  type SiteTokenizer,
} from '../../../../../src/contract/site-model.ts';
import type { WebRuntime } from '../../../../../src/model/backends/onnxruntime-web.ts';
import type { SiteFiles } from '../site-files.ts';
import type { Loaded } from './messages.ts';

/** Blocks that are fetched at a time: of large ones several files each. */
const AT_ONCE = 4;

/** Fetches what a site's model is made of. */
export async function loadParts(
  files: SiteFiles,
  { bytes: of }: SiteModelSummary,
  runtime: () => Promise<WebRuntime>,
  onLoaded: (loaded: Loaded) => void,
): Promise<SiteModelParts> {
  const head = await files.json<SiteModel>(modelBlock.head);
  let bytes = 0;
  const onBytes = (more: number): void => {
    bytes += more;
    onLoaded({ bytes, of });
  };
  const fetched = ({ crc }: SiteBlock, name: string) => files.bytes(name, { onBytes, crc });
  const weights: Uint8Array[] = [];
  let next = 0;
  const fetchOthers = async (): Promise<void> => {
    while (next < head.weights.length) {
      const n = next++;
      weights[n] = await fetched(head.weights[n]!, modelBlock.weights(n));
    }
  };
  const [library, wasm, tokenizer] = await Promise.all([
    runtime(),
    fetched(head.wasm, modelBlock.wasm),
    fetched(head.tokenizer, modelBlock.tokenizer),
    ...Array.from({ length: AT_ONCE }, fetchOthers),
  ]);
  onLoaded({ bytes: of, of });
  return {
    head,
    library,
    wasm,
    weights,
    tokenizer: JSON.parse(new TextDecoder().decode(tokenizer)) as SiteTokenizer,
  };
}
