import { mlpNamed } from '../bank/mlp-taps.ts';
import type { SiteModel, SiteTokenizer } from '../contract/site-model.ts';
import { PolysemeError } from '../errors.ts';
import type { ModelBank } from '../explain/explained.ts';
import { onnxruntimeWeb, type WebRuntime } from '../model/backends/onnxruntime-web.ts';
import { openPageModel, type PageModel } from '../model/page-model.ts';
import type { TensorRef } from '../tensors/safetensors.ts';

/** What a site's model is made of, once it is there. */
export interface SiteModelParts {
  readonly head: SiteModel;
  readonly tokenizer: SiteTokenizer;
  /** The halves of each tensor, in the order of `head.weights`. */
  readonly weights: readonly Uint8Array[];
  readonly library: WebRuntime;
  readonly wasm: Uint8Array<ArrayBuffer>;
}

/** The folder that messages about the model's files name. */
const DIR = 'model';

/**
 * Starts the model of a site, in a page or where it is exported, with those of the study's banks that it has.
 *
 * @param source what the model is called
 * @throws PolysemeError (damaged) where a tensor has not as many bytes as its shape says, and as `openPageModel`
 */
export async function openSiteModel(
  source: string,
  { head, tokenizer, weights, library, wasm }: SiteModelParts,
  bankNames: readonly string[],
): Promise<{ readonly model: PageModel; readonly banks: readonly ModelBank[] }> {
  const bytes = new Map<string, Uint8Array>();
  const tensors = new Map<string, TensorRef>();
  head.weights.forEach(({ name, shape }, n) => {
    const length = 2 * shape.reduce((a, b) => a * b, 1);
    const own = weights[n]!;
    if (own.length !== length) {
      throw new PolysemeError(`tensor ${name} has ${own.length} bytes, not ${length}`, 'damaged');
    }
    const file = `${DIR}/${n}`;
    bytes.set(file, own);
    tensors.set(name, { file, dtype: 'F16', shape, offset: 0, length });
  });
  const backend = await onnxruntimeWeb(library, wasm, ({ file }) => bytes.get(file)!);
  const model = openPageModel(source, { dir: DIR, config: head.config, tensors }, tokenizer, backend);
  const banks = bankNames.flatMap((name) => {
    const found = mlpNamed(model.files, name, head);
    return found === null ? [] : [{ ...found.bank, sae: null }];
  });
  return { model, banks };
}

/** Why a bank of the study is none of the page's. */
export function notInPage(bank: string): string {
  return `the units of ${bank} are latents of an SAE, which this page does not have`;
}
