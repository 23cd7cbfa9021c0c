import { writeWhole } from '../../base/files.ts';
import { PolysemeError } from '../../errors.ts';
import { flip, rowNorms } from '../../tensors/matrix.ts';
import { matrixToWrite, type TensorToWrite, type Writable } from '../../tensors/pickle-writer.ts';
import { writeTorch } from '../../tensors/torch.ts';
import { withoutRescale } from '../fold.ts';
import type { Sae } from '../sae.ts';
import { type DictClass, hasUnitNorms } from './dictionary-learning.ts';
import type { Json } from './fields.ts';
import { refuseNormalization, refuser, refuseSkip, refuseTranscoder } from './refuse.ts';

const TRAINERS: Readonly<Record<DictClass, string>> = {
  AutoEncoder: 'StandardTrainer',
  AutoEncoderNew: 'StandardTrainer',
  GatedAutoEncoder: 'GatedSAETrainer',
  AutoEncoderTopK: 'TopKTrainer',
  BatchTopKSAE: 'BatchTopKTrainer',
  MatryoshkaBatchTopKSAE: 'MatryoshkaBatchTopKTrainer',
  JumpReluAutoEncoder: 'JumpReluTrainer',
};

/** Writes `ae.pt` and `config.json` that `dictionary_learning.utils.load_dictionary` reads. */
export async function writeDictionaryLearning(sae: Sae, at: (name: string) => string): Promise<string[]> {
  const { config, label } = sae;
  const kind = targetClass(sae);
  const notes: string[] = [];
  if (kind === 'AutoEncoder' && !hasUnitNorms(rowNorms(sae.tensors.W_dec))) {
    notes.push(
      `${label}: dictionary_learning normalises the decoder of an AutoEncoder when it loads it: its latents will be larger by their decoder norms, its outputs the same`,
    );
  }
  await writeTorch(at('ae.pt'), stateOf(kind, sae));
  const old = config.format === 'dictionary_learning' ? config.metadata : {};
  const json = {
    ...old,
    trainer: {
      trainer_class: TRAINERS[kind],
      layer: Number(/blocks\.(\d+)\./.exec(config.hookName ?? '')?.[1] ?? -1),
      lm_name: config.modelName ?? '',
      submodule_name: config.hookName,
      ...(old['trainer'] as Json | undefined),
      dict_class: kind,
      activation_dim: config.dIn,
      dict_size: config.dSae,
      ...(config.k === null ? {} : { k: wholeK(sae) }),
      device: 'cpu',
    },
    ...('buffer' in old || config.contextSize === null ? {} : { buffer: { ctx_len: config.contextSize } }),
  };
  await writeWhole(at('config.json'), [`${JSON.stringify(json, null, 4)}\n`]);
  return notes;
}

function targetClass(sae: Sae): DictClass {
  const { architecture, applyBDecToInput, trainedAs, groupSizes } = sae.config;
  const { threshold } = sae.tensors;
  const refuse = refuser(sae, 'dictionary_learning');
  refuseTranscoder(sae, 'dictionary_learning');
  refuseSkip(sae, refuse);
  refuseNormalization(sae, refuse);
  switch (architecture) {
    case 'standard':
      return applyBDecToInput ? 'AutoEncoder' : 'AutoEncoderNew';
    case 'gated':
      return applyBDecToInput ? 'GatedAutoEncoder' : refuse('gated SAE without b_dec taken from its input');
    case 'topk':
      return applyBDecToInput ? 'AutoEncoderTopK' : refuse('TopK SAE without b_dec taken from its input');
    case 'jumprelu': {
      if (!applyBDecToInput) return 'JumpReluAutoEncoder';
      const [first] = threshold!;
      if (!threshold!.every((value) => value === first)) {
        refuse('JumpReLU SAE with b_dec taken from its input and a threshold for each latent');
      }
      return trainedAs === 'matryoshka_batchtopk' && groupSizes !== null
        ? 'MatryoshkaBatchTopKSAE'
        : 'BatchTopKSAE';
    }
    default:
      return refuse(`${architecture} architecture`);
  }
}

function wholeK({ config: { k }, label }: Sae): number {
  if (k !== null) return Math.max(1, Math.round(k));
  throw new PolysemeError(
    `${label}: dictionary_learning needs k, the latents that are active at a time, and its config does not say it`,
  );
}

function stateOf(kind: DictClass, source: Sae): { [key: string]: Writable } {
  const sae = withoutRescale(source);
  const { tensors, config } = sae;
  const one = (data: TensorToWrite['data']): TensorToWrite => ({ shape: [], strides: [], data });
  const list = (data: TensorToWrite['data']): TensorToWrite => ({ shape: [data.length], strides: [1], data });
  const threshold = () => one(Float32Array.of(tensors.threshold![0]!));
  const linear = () => ({
    'encoder.weight': matrixToWrite(flip(tensors.W_enc)),
    'decoder.weight': matrixToWrite(flip(tensors.W_dec)),
  });
  const own = () => ({
    W_enc: matrixToWrite(tensors.W_enc),
    b_enc: list(tensors.b_enc!),
    W_dec: matrixToWrite(tensors.W_dec),
    b_dec: list(tensors.b_dec),
  });
  const k = () => one(Int32Array.of(wholeK(sae)));
  switch (kind) {
    case 'AutoEncoder':
      return { bias: list(tensors.b_dec), ...linear(), 'encoder.bias': list(tensors.b_enc!) };
    case 'AutoEncoderNew':
      return { ...linear(), 'encoder.bias': list(tensors.b_enc!), 'decoder.bias': list(tensors.b_dec) };
    case 'GatedAutoEncoder':
      return {
        decoder_bias: list(tensors.b_dec),
        r_mag: list(tensors.r_mag!),
        gate_bias: list(tensors.b_gate!),
        mag_bias: list(tensors.b_mag!),
        ...linear(),
      };
    case 'AutoEncoderTopK':
    case 'BatchTopKSAE':
      return {
        b_dec: list(tensors.b_dec),
        k: k(),
        threshold: kind === 'BatchTopKSAE' ? threshold() : one(Float32Array.of(-1)),
        ...linear(),
        'encoder.bias': list(tensors.b_enc!),
      };
    case 'MatryoshkaBatchTopKSAE':
      return {
        ...own(),
        k: k(),
        threshold: threshold(),
        group_sizes: list(BigInt64Array.from(config.groupSizes!, BigInt)),
      };
    case 'JumpReluAutoEncoder':
      return { ...own(), threshold: list(tensors.threshold!) };
  }
}
