import type { GraphEdit } from '../model/compile.ts';
import type { Embedding } from './embedding.ts';
import type { NormTap } from './norm-tap.ts';

/** Where the units of a bank are tapped in a model, and what their inputs become: all of a bank but its weights. */
export interface TappedBank {
  /** `mlp.3`, `sae/NAME` */
  readonly name: string;
  /** Neurons of a model, latents of an SAE, or activations that somebody else computed. */
  readonly kind: 'mlp' | 'sae' | 'given';
  /** The hook point of the model that the units read. */
  readonly site: string;
  /** Where their input h is tapped: the site, or what an SAE's encoder makes of it. */
  readonly inputs: string;
  /** Where their activations a are tapped. */
  readonly activations: string;
  /** Norms of what the units read before it is normalised, which tell attention sinks; null where they are not known. */
  readonly norms: NormTap | null;
  readonly units: number;
  /**
   * Of a mixture of experts: how many, the units of one after those of another, and where the router's weights of them are
   * tapped. Where one's weight is 0 it is not taken, and its units have no activation.
   */
  readonly experts?: { readonly count: number; readonly shares: string };
  /** Dimension d of h. */
  readonly width: number;
  readonly embedding: Embedding;
  /** Nodes that must be added to the model's graph for the two taps. */
  readonly edits: readonly GraphEdit[];
}

/** All units of one MLP layer, of one SAE, or of one folder of given activations. Everything after the model works on banks alone. */
export interface Bank extends TappedBank {
  /** Every unit's weights, a row of `weightsWidth(bank)` a unit, in shared memory. */
  weights(): Promise<Float32Array>;
}
