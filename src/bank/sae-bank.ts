import type { GraphEdit } from '../model/compile.ts';
import { readNodes, type SaeAttachment } from '../sae/attach.ts';
import type { Sae } from '../sae/sae.ts';
import { encodeNodes } from '../sae/sae-nodes.ts';
import { flip, type Matrix, rowsOf } from '../tensors/matrix.ts';
import type { Bank } from './bank.ts';
import { normTap } from './norm-tap.ts';

/** Columns of the encoder copied together. */
const COLUMNS = 64;

/**
 * The latents of an SAE. Encoding is part of the model's graph: one matrix product on top of the site.
 * h is the input as the encoder sees it, w the latent's encoder column.
 * @param name of the SAE: the bank is `sae/NAME`
 */
export function saeBank(name: string, sae: Sae, attachment: SaeAttachment): Bank {
  const bank = `sae/${name}`;
  const inputs = `${bank}.hook_sae_in`;
  const activations = `${bank}.hook_sae_acts_post`;
  const { dIn, dSae } = sae.config;
  const edit: GraphEdit = {
    site: attachment.site,
    apply(graph, wire, width) {
      const { latentInputs, latents } = encodeNodes(graph, sae, readNodes(graph, attachment, wire, width));
      // Two taps must not share one value, which moves to whoever reads it.
      const own = latentInputs === wire ? graph.op('Identity', [wire]) : latentInputs;
      return {
        taps: { [inputs]: { wire: own, width: dIn }, [activations]: { wire: latents, width: dSae } },
      };
    },
  };
  return {
    name: bank,
    kind: 'sae',
    site: attachment.site,
    inputs,
    activations,
    norms: normTap(attachment.site),
    units: dSae,
    width: dIn,
    embedding: { kind: 'linear' },
    edits: [edit],
    weights: async () => columns(sae.tensors.W_enc),
  };
}

/** Every column as a row, in shared memory. */
function columns(matrix: Matrix): Float32Array {
  const { rows: width, cols: count } = matrix;
  const turned = flip(matrix);
  const out = new Float32Array(new SharedArrayBuffer(4 * width * count));
  for (let start = 0; start < count; start += COLUMNS) {
    out.set(rowsOf(turned, start, Math.min(COLUMNS, count - start)), start * width);
  }
  return out;
}
