import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { notInPage, openSiteModel, type SiteModelParts } from '../../../answers/site-model.ts';
import { type MlpBankOptions, mlpNamed } from '../../../bank/mlp-taps.ts';
import { checkAborted, type LongCall } from '../../../base/progress.ts';
import {
  gzipCrc,
  modelBlock,
  RUNTIME_SCRIPT,
  type SiteBlock,
  type SiteModel,
  type SiteModelSummary,
  type SiteTokenizer,
} from '../../../contract/site-model.ts';
import { PolysemeError } from '../../../errors.ts';
import { activationDifferences } from '../../../explain/differences.ts';
import { type Explained, type ExplainModel, explainUnits } from '../../../explain/explained.ts';
import type { UnitReader } from '../../../explain/unit-reader.ts';
import { bankOptions } from '../../../run/bank-options.ts';
import { readTokenizerFiles } from '../../../tokenizer/load-tokenizer.ts';
import type { BlockWriter } from '../blocks.ts';
import { halves, usedTensors, weightsOf } from './half-weights.ts';
import { readPageRuntime } from './page-runtime.ts';
import { writePageStudy } from './page-study.ts';

const zip = promisify(gzip);
/** Examples at which the page's activations are compared with the study's: some seconds of a small model. */
const COMPARED = 32;

/**
 * Writes the model behind a study for pages: its weights in half precision, the runtime, and what pages need of the study to
 * explain its units. The model is run as a page runs it, and what it gives is compared with the study.
 *
 * @throws PolysemeError where the model cannot run in a page, or the runtime is not installed
 */
export async function writeModel(
  explained: Explained,
  blocks: BlockWriter,
  call: LongCall,
): Promise<SiteModelSummary> {
  const { study } = explained;
  const model = await explained.model();
  const options = bankOptions(study);
  const banks = exportedBanks(model, explained.units, options);
  const tensors = usedTensors(model.files);
  const { library, script, wasm } = await readPageRuntime();

  const weights: Uint8Array[] = [];
  const written: SiteModel['weights'][number][] = [];
  for (const [n, tensor] of tensors.entries()) {
    checkAborted(call.signal);
    const bytes = await halves(model.files, tensor);
    const { name, ref } = tensor;
    weights.push(bytes);
    written.push({ name, shape: ref.shape, ...(await writeBlock(blocks, modelBlock.weights(n), bytes)) });
    call.onProgress?.({ stage: 'weights', done: n + 1, total: tensors.length, unit: 'tensors' });
  }
  const tokenizer: SiteTokenizer = { ...(await readTokenizerFiles(model.files.dir)), path: 'tokenizer.json' };
  const json = new TextEncoder().encode(JSON.stringify(tokenizer));
  const head: SiteModel = {
    config: model.files.config,
    weights: written,
    wasm: await writeBlock(blocks, modelBlock.wasm, wasm),
    tokenizer: await writeBlock(blocks, modelBlock.tokenizer, json),
    ...options,
    sign: (await explained.units.bank(banks[0]!, 0)).own.sign,
  };
  await blocks.json(modelBlock.head, head);
  await blocks.plain(RUNTIME_SCRIPT, script);
  await writePageStudy(explained, banks, blocks, call);
  const parts = { head, tokenizer, weights, library, wasm };
  return {
    source: model.source,
    parameters: weightsOf(tensors),
    bytes: [...written, head.wasm, head.tokenizer].reduce((sum, { bytes }) => sum + bytes, script.length),
    differences: await differencesOf(explained, parts, banks, call),
  };
}

/** The banks that a page can run. @throws PolysemeError (unsupported) where there is none */
function exportedBanks(
  { images, files, source }: ExplainModel,
  { banks, path }: UnitReader,
  options: MlpBankOptions,
): string[] {
  const refuse = (why: string): never => {
    throw new PolysemeError(`${why}: leave out option with-model`, 'unsupported');
  };
  if (images !== null) refuse(`${source} reads images, and pages run models of text alone`);
  if (files.graph !== undefined) {
    refuse(`${source} brings its own graph (.onnx), and pages build theirs from a checkpoint`);
  }
  const found = banks.filter((name) => mlpNamed(files, name, options) !== null);
  if (found.length === 0) refuse(`${path} has no bank of neurons, and pages run no SAEs`);
  return found;
}

/** Runs the model as a page does. */
async function differencesOf(
  explained: Explained,
  parts: SiteModelParts,
  banks: readonly string[],
  call: LongCall,
): Promise<SiteModelSummary['differences']> {
  const opened = await openSiteModel((await explained.model()).source, parts, banks);
  try {
    const units = explainUnits(explained.units, async () => opened, { missing: notInPage });
    return await activationDifferences(units, banks, COMPARED, call);
  } finally {
    await opened.model.close();
  }
}

async function writeBlock(blocks: BlockWriter, name: string, bytes: Uint8Array): Promise<SiteBlock> {
  const zipped = new Uint8Array(await zip(bytes, { level: 9 }));
  await blocks.zipped(name, zipped);
  return { bytes: zipped.length, crc: gzipCrc(zipped) };
}
