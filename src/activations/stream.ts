import { availableParallelism } from 'node:os';
import { connect } from '../base/rpc.ts';
import { type Context, type ContextCursor, cutContexts } from '../corpus/contexts.ts';
import { openCorpus } from '../corpus/open.ts';
import type { Corpus } from '../corpus/types.ts';
import { PolysemeError } from '../errors.ts';
import { hubFiles } from '../hub/hub.ts';
import { compile } from '../model/compile.ts';
import type { Model } from '../model/load.ts';
import type { RunnerMethods } from '../model/session-worker.ts';
import { siteNamed } from '../model/sites.ts';
import type { ActivationBlock, ActivationSource } from './activation-source.ts';
import { modelDigest } from './digest.ts';

export interface StreamOptions {
  readonly model: Model;
  /** A corpus, or what `run` takes as data. */
  readonly corpus: Corpus | string;
  readonly site: string;
  /** Tokens of a context, BOS counted; default 128, or the model's context where that is shorter. */
  readonly context?: number;
  /** Begin each context with BOS; `auto`: what the tokenizer does by itself. */
  readonly bos?: 'auto' | 'yes' | 'no';
  /** So many contexts, spread over the documents by `seed`; default all, in the order of the corpus. */
  readonly contexts?: number;
  readonly column?: string;
  readonly seed?: number;
  /** Threads of the forward pass; default all cores. */
  readonly threads?: number;
}

/** Tokens a run of the model: 512 to 2048 is the sweet spot of ONNX Runtime. */
const TOKENS_A_RUN = 1024;
/** Runs under way at a time: while one is in the model, the next is tokenised. */
const AHEAD = 2;

/**
 * Activations of a model's site over a corpus, a vector a text token, in corpus order: special and padded
 * positions are run but left out.
 *
 * @throws PolysemeError where the model has no such site, or a context does not fit it
 */
export async function streamActivations(options: StreamOptions): Promise<ActivationSource> {
  const { model, column = 'text', contexts = null, seed = 0, threads = availableParallelism() } = options;
  const { config, tokenizer } = model;
  const site = siteNamed(options.site, model.sites, config.rotary !== null) ?? options.site;
  const program = compile(model.files, [site]);
  const width = program.widths[site]!;
  const corpus =
    typeof options.corpus === 'string'
      ? await openCorpus(options.corpus, { column, hub: hubFiles })
      : options.corpus;
  const context = options.context ?? Math.min(128, config.contextLength);
  if (context > config.contextLength) {
    throw new PolysemeError(
      `a context of ${context} tokens is longer than the model's ${config.contextLength}`,
    );
  }
  const bos = options.bos === undefined || options.bos === 'auto' ? tokenizer.addsBos : options.bos === 'yes';
  const specialIds = new Set(tokenizer.specialIds);
  if (bos && tokenizer.bosId !== null) specialIds.add(tokenizer.bosId);
  const encoder = { encode: (text: string) => tokenizer.encode(text), bosId: tokenizer.bosId ?? undefined };
  const rows = Math.max(1, Math.floor(TOKENS_A_RUN / context));
  const remote = connect<RunnerMethods>(new URL('../model/session-worker.js', import.meta.url));

  const run = async (batch: readonly Context[]): Promise<ActivationBlock> => {
    const length = Math.max(...batch.map(({ tokens }) => tokens.length));
    const tokens = new Int32Array(batch.length * length);
    batch.forEach((context, row) => {
      tokens.set(context.tokens, row * length);
    });
    const taps = await remote.call('run', {
      key: '',
      program,
      tokens,
      batch: batch.length,
      length,
      threads,
    });
    const { cursor, done } = batch.at(-1)!;
    return { vectors: textRows(taps[site]!.data, batch, length, width, specialIds), cursor, done };
  };

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
    },
    width,
    blockSize: rows * context,
    async *pass(_epoch, after) {
      const cut = cutContexts(corpus, encoder, {
        length: context,
        bos,
        count: contexts ?? undefined,
        seed,
        from: after as ContextCursor | undefined,
      });
      const underWay: Promise<ActivationBlock>[] = [];
      let batch: Context[] = [];
      const start = () => {
        const block = run(batch);
        block.catch(() => {});
        underWay.push(block);
        batch = [];
      };
      try {
        for await (const context of cut) {
          batch.push(context);
          if (batch.length < rows) continue;
          start();
          if (underWay.length >= AHEAD) yield await underWay.shift()!;
        }
        if (batch.length > 0) start();
        while (underWay.length > 0) yield await underWay.shift()!;
      } finally {
        await Promise.allSettled(underWay);
      }
    },
    close: () => remote.close(),
  };
}

/** The vectors at text tokens, row after row. */
function textRows(
  data: Float32Array,
  batch: readonly Context[],
  length: number,
  width: number,
  specialIds: ReadonlySet<number>,
): Float32Array {
  const out = new Float32Array(data.length);
  let end = 0;
  batch.forEach(({ tokens }, row) => {
    tokens.forEach((id, t) => {
      if (specialIds.has(id)) return;
      const at = (row * length + t) * width;
      out.set(data.subarray(at, at + width), end);
      end += width;
    });
  });
  return out.subarray(0, end);
}
