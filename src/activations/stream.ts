import { type ContextCursor, cutContexts } from '../corpus/contexts.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { toCorpus } from '../corpus/open-corpus.ts';
import { type BosChoice, beginsWithBos, contextLength } from '../model/context-rules.ts';
import type { Model } from '../model/load-model.ts';
import { siteNamed } from '../model/sites.ts';
import { rowsPerRun, type TapStreamOptions } from '../model/taps.ts';
import type { ActivationSource } from './activation-source.ts';
import { modelDigest } from './digest.ts';

export interface StreamOptions {
  readonly model: Model;
  /** A corpus that is opened, or the name of one. */
  readonly data: Corpus | string;
  readonly site: string;
  /** Tokens of a context, BOS counted; default 128, or the model's context where that is shorter. */
  readonly context?: number;
  /** Begin each context with BOS; `auto`: what the tokenizer does by itself. */
  readonly bos?: BosChoice;
  /** So many contexts, spread over the documents by `seed`; default all, in the order of the corpus. */
  readonly contexts?: number;
  readonly column?: string;
  readonly seed?: number;
  /** Stops reading: a pass rejects with a PolysemeError of code `aborted`. */
  readonly signal?: AbortSignal;
  /** Told which layers run, of a model that runs in groups of them. */
  readonly onGroup?: TapStreamOptions['onGroup'];
}

/**
 * Activations of a model's site over a corpus, a vector a text token, in corpus order: special and padded
 * positions are run but left out.
 *
 * @throws PolysemeError where the model has no such site, or a context does not fit it
 */
export async function streamActivations(options: StreamOptions): Promise<ActivationSource> {
  const { model, column = 'text', contexts = null, seed = 0, signal, onGroup } = options;
  const { config, tokenizer } = model;
  const { specialIds } = tokenizer;
  const site = siteNamed(options.site, model.sites, config.rotary) ?? options.site;
  const taps = model.openTaps([site]);
  const width = taps.widths[site]!;
  const corpus = await toCorpus(options.data, { column });
  const context = contextLength(config, options.context);
  const bos = beginsWithBos(options.bos, tokenizer);
  const rows = rowsPerRun(context);
  return {
    origin: {
      model: model.source,
      modelDigest: await modelDigest(model.files),
      site,
      data: corpus.source,
      column,
      context,
      bos,
      contexts,
      ...(model.device === 'cpu' ? {} : { device: model.device }),
    },
    width,
    blockSize: rows * context,
    async *pass(_epoch, after) {
      const cut = cutContexts(corpus, tokenizer, {
        length: context,
        bos,
        count: contexts ?? undefined,
        seed,
        from: after as ContextCursor | undefined,
      });
      for await (const block of taps.stream(cut, { specialIds, rows, signal, onGroup })) {
        const { cursor, done } = block.contexts.at(-1)!;
        yield { vectors: textRows(block.taps[site]!.data, block.text, width), cursor, done };
      }
    },
    close: () => taps.close(),
  };
}

/** The vectors at text tokens, row after row. */
function textRows(data: Float32Array, text: Uint8Array, width: number): Float32Array {
  const out = new Float32Array(data.length);
  let end = 0;
  text.forEach((isText, i) => {
    if (isText === 0) return;
    out.set(data.subarray(i * width, (i + 1) * width), end);
    end += width;
  });
  return out.subarray(0, end);
}
