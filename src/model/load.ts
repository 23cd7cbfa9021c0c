import { availableParallelism } from 'node:os';
import { connect, type Remote } from '../base/rpc.ts';
import { PolysemeError } from '../errors.ts';
import { checkVocabulary, loadTokenizer, type Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ModelConfig } from './architectures/architecture.ts';
import { openCheckpoint } from './checkpoint.ts';
import { compile, type GraphEdit, type ModelFiles, type Program, readModel, sitesOf } from './compile.ts';
import { resolveModel } from './locate.ts';
import type { TapData } from './session.ts';
import type { RunnerMethods } from './session-worker.ts';

/** A checkpoint that runs with taps. */
export interface Model {
  /** The source it was loaded from, as given. */
  readonly source: string;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** Every site, with the width of its last axis. */
  readonly sites: ReadonlyMap<string, number>;
  readonly files: ModelFiles;
  run(request: RunRequest): Promise<Record<string, TapData>>;
  close(): Promise<void>;
}

export interface RunRequest {
  /** Token ids, a row a sequence; rows may differ in length. */
  readonly tokens: readonly (readonly number[] | Int32Array)[];
  /** Sites to return, e.g. `blocks.0.mlp.hook_post`, `logits`. Only the layers that they need are computed. */
  readonly taps: readonly string[];
  /** Nodes added at sites; internal to evaluation, see GraphEdit. `key` tells two sets of edits apart. */
  readonly edits?: { readonly key: string; readonly list: readonly GraphEdit[] };
}

/** Tokens a run of ONNX Runtime; larger ones gain nothing and hold more memory. */
const TOKENS_A_RUN = 2048;

/**
 * Opens a model: a folder with `config.json`, `model.safetensors` (or shards) and `tokenizer.json`, a Hugging
 * Face id (`openai-community/gpt2`), or `builtin:folio-5m`. The weights are mapped, not copied.
 *
 * @param options.threads threads of the forward pass; default all cores
 * @throws PolysemeError when the checkpoint is missing, damaged, of an unknown architecture, or its tokenizer
 *   is another model's
 * @example
 * const model = await loadModel('builtin:folio-5m');
 * const tokens = [[...model.tokenizer.encode('The captain of the ship')]];
 * const taps = await model.run({ tokens, taps: ['blocks.0.mlp.hook_post', 'logits'] });
 * console.log(taps['logits']!.shape); // [1, 5, 8192]
 * await model.close();
 */
export async function loadModel(source: string, options: { threads?: number } = {}): Promise<Model> {
  const dir = await resolveModel(source);
  const files = readModel(await openCheckpoint(dir));
  const tokenizer = await loadTokenizer(dir);
  checkVocabulary(tokenizer, files.model.vocabulary);
  const threads = options.threads ?? availableParallelism();
  const programs = new Map<string, Program>();
  let runner: Remote<RunnerMethods> | null = null;
  let closed = false;
  return {
    source,
    config: files.model,
    tokenizer,
    files,
    sites: sitesOf(files),
    async run({ tokens, taps, edits }) {
      if (closed) throw new PolysemeError('the model was closed: load it again');
      if (taps.length === 0) throw new PolysemeError('taps is empty: name at least one site, e.g. logits');
      const length = checkTokens(tokens, files.model);
      const key = JSON.stringify([taps, edits?.key ?? '']);
      let program = programs.get(key);
      if (program === undefined) {
        program = compile(files, taps, edits?.list);
        programs.set(key, program);
      }
      runner ??= connect<RunnerMethods>(new URL('./session-worker.js', import.meta.url));
      const rowsARun = Math.max(1, Math.floor(TOKENS_A_RUN / length));
      const parts: { first: number; taps: Record<string, TapData> }[] = [];
      for (let first = 0; first < tokens.length; first += rowsARun) {
        const rows = tokens.slice(first, first + rowsARun);
        const padded = new Int32Array(rows.length * length);
        rows.forEach((row, i) => {
          padded.set(row, i * length);
        });
        const taps = await runner.call('run', {
          key,
          program,
          tokens: padded,
          batch: rows.length,
          length,
          threads,
        });
        parts.push({ first, taps });
      }
      return joinRows(parts, program, tokens, length);
    },
    async close() {
      closed = true;
      await runner?.close();
    },
  };
}

function checkTokens(tokens: RunRequest['tokens'], config: ModelConfig): number {
  let longest = 0;
  tokens.forEach((row, i) => {
    longest = Math.max(longest, row.length);
    for (let t = 0; t < row.length; t++) {
      const id = row[t]!;
      if (!Number.isInteger(id) || id < 0 || id >= config.vocabulary) {
        throw new PolysemeError(`tokens[${i}][${t}] is ${id}; ids go from 0 to ${config.vocabulary - 1}`);
      }
    }
  });
  if (longest === 0) throw new PolysemeError('tokens holds no token: give at least one row of one token');
  if (longest > config.contextLength) {
    throw new PolysemeError(`a row has ${longest} tokens; the model's context is ${config.contextLength}`);
  }
  return longest;
}

/** Puts the parts of a batch together; positions past a row's end are 0. */
function joinRows(
  parts: readonly { first: number; taps: Record<string, TapData> }[],
  program: Program,
  tokens: RunRequest['tokens'],
  length: number,
): Record<string, TapData> {
  const joined: Record<string, TapData> = {};
  for (const [tap, width] of Object.entries(program.widths)) {
    const data = new Float32Array(tokens.length * length * width);
    for (const { first, taps } of parts) data.set(taps[tap]!.data, first * length * width);
    tokens.forEach((row, i) => {
      data.fill(0, (i * length + row.length) * width, (i + 1) * length * width);
    });
    joined[tap] = { data, shape: [tokens.length, length, width] };
  }
  return joined;
}
