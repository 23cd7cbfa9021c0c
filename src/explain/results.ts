import * as z from 'zod';

/** What importance and ablation find, as it is kept and as it goes over HTTP. */

/** Why a unit fires at the peak of an example. */
export const exampleImportance = z.object({
  /** The example's rank. */
  example: z.int().min(0),
  /** Its activation at the peak, measured anew. */
  activation: z.number(),
  /**
   * By token up to the peak (an encoder: of the whole context): by how much the activation falls where the token is masked, in the direction of its sign
   * (less than 0: it rises). Null at special tokens, which are never masked.
   */
  drops: z.array(z.number().nullable()),
  /** The drops divided by that of the peak itself, from 0 to 1; null where masking the peak takes away too little. */
  importance: z.array(z.number().nullable()).nullable(),
  /**
   * Tokens of the shortest passage ending at the peak (an encoder: with as many on both sides of it) that still gives 0.8 of
   * the activation; special tokens are not counted.
   */
  minimal: z.int().min(1),
});
export type ExampleImportance = z.output<typeof exampleImportance>;

const tokenEffect = z.object({ id: z.int().min(0), text: z.string(), effect: z.number() });

/** What a unit's output does to the logits by itself, past all later layers. */
export const directEffectResult = z.object({
  /** The tokens whose logits it raises most, strongest first; null where its output does not reach the logits directly. */
  raised: z.array(tokenEffect).nullable(),
  lowered: z.array(tokenEffect).nullable(),
});
export type DirectEffect = z.output<typeof directEffectResult>;

export const tokenChange = z.object({
  id: z.int().min(0),
  text: z.string(),
  /** Mean change of its probability. */
  change: z.number(),
  /** Mean change of its log-probability. */
  logChange: z.number(),
});
export type TokenChange = z.output<typeof tokenChange>;

const controlResult = z.object({
  /** Units of about the same density. */
  units: z.array(
    z.object({
      index: z.int().min(0),
      /** Its mean KL in contexts of its own. */
      kl: z.number(),
      /** As that of the unit, where this one stands in for it. */
      featureShare: z.number().nullable(),
    }),
  ),
  /** Share of them whose KL is smaller than the unit's. */
  below: z.number(),
  /**
   * Chance of a share as large as the unit's among units whose effects its features mean nothing to; null where there are
   * no two features to compare, or too few units.
   */
  p: z.number().nullable(),
});

const interval = z.tuple([z.number(), z.number()]).nullable();
const effect = z.object({
  /** Contexts that the means are over. */
  contexts: z.int().min(0),
  /** Mean KL(clean ‖ changed) of the token that follows a firing (an encoder: that stands there), in nats. */
  kl: z.number().nullable(),
  klInterval: interval,
  /** By how much −log p of the token that does follow (does stand there) grows on average. */
  lossChange: z.number().nullable(),
  lossInterval: interval,
});
export type Effect = z.output<typeof effect>;

const featureEffect = effect.extend({
  feature: z.int().min(0),
  /** The same change at another position of each context, where the unit does not fire. */
  elsewhere: z.number().nullable(),
  /** The middle 95 % of the mean KL where the labels of the firings are shuffled. */
  shuffled: interval,
  /** Whether it moves the log-probabilities another way than the other features: p, and after Benjamini and Hochberg. */
  p: z.number().nullable(),
  adjusted: z.number().nullable(),
  /** Whether the size of the change (KL) does. */
  pSize: z.number().nullable(),
  adjustedSize: z.number().nullable(),
  /** Tokens whose probability falls or grows most where the feature is changed: means over its firings. */
  lowered: z.array(tokenChange),
  raised: z.array(tokenChange),
});
export type FeatureEffect = z.output<typeof featureEffect>;

/** What a unit does to the output, measured by changing its activation. */
export const ablationResult = z.object({
  bank: z.string(),
  index: z.int().min(0),
  scale: z.number(),
  to: z.enum(['zero', 'mean']),
  contexts: z.int().min(0),
  /** Positions of these contexts at which the unit fires, and those of them that belong to no feature. */
  firings: z.int().min(0),
  unplaced: z.int().min(0),
  /** The unit changed at every position of the text. */
  whole: effect,
  features: z.array(featureEffect),
  /** The KL of all text positions, summed over the features, divided by that of the whole unit. */
  ratio: z.number().nullable(),
  /** How much of the direction in which the unit moves the log-probabilities is told by the feature: 0 to 1. */
  featureShare: z.number().nullable(),
  /**
   * Whether the features move the log-probabilities in different ways, and more so than units that stand in for this one do
   * at the same places; null where that could not be compared.
   */
  differs: z.boolean().nullable(),
  controls: controlResult.nullable(),
});
export type Ablation = z.output<typeof ablationResult>;

const share = z.number().min(0).max(1).nullable();

export const featureModelName = z.object({
  feature: z.int().min(0),
  text: z.string().max(1000).nullable(),
  siblings: share,
  random: share,
  asked: z.int().min(0),
  unanswered: z.int().min(0),
});
export const unitModelNames = z.object({
  bank: z.string(),
  index: z.int().min(0),
  model: z.string(),
  features: z.array(featureModelName),
});
/** Names that a language model gave the features of a unit. */
export type UnitModelNames = z.output<typeof unitModelNames>;
