// Numbers that the kernels share with their host (src/sae/trainer), which takes them from here.

/** Latents that share a row of partial sums. */
export const LATENT_BLOCK: i32 = 64;

/** Of `align`: in the place of L_R each pair gives ‖x − x̂‖² / ‖x‖², to tell what L_R's direction does from what any weight on the error does. */
export const WITHOUT_DIRECTION: i32 = 2;

// Rows of a thread's scratch memory. While tokens are decoded, after the reconstruction: L_R's gradient along decoder rows.
export const ALIGNED: i32 = 1;
// While latents are updated:
export const ENCODER_GRADIENT: i32 = 0;
export const DECODER_GRADIENT: i32 = 1;
/** Σ a_b h_b */
export const MEAN_TERM: i32 = 2;
/** Σ c_b h_b² */
export const INPUT_TERM: i32 = 3;
/** Σ h_b */
export const SUM_INPUT: i32 = 4;
/** h̄ w² */
export const MEAN_WEIGHT: i32 = 5;
/** w² */
export const SQUARE_WEIGHT: i32 = 6;
/** h̄ */
export const MEAN: i32 = 7;
/** Behind the rows: 32 bytes of numbers for each of four tokens, then their N and B. */
export const PRODUCTS: i32 = 8;
export const PRODUCTS_BYTES: i32 = 256;

// Sums that the dense step keeps of each latent of a tile, all of one kind after another.
export const ACTIVATION: i32 = 0;
export const PRE: i32 = 1;
export const THRESHOLD: i32 = 2;
export const ACTIVE: i32 = 3;
export const DISTANCE: i32 = 4;
export const DISTANCES: i32 = 5;
export const OVER_A: i32 = 6;
/** Σ z · L_R's gradient by z where the error is held. */
export const ALONG: i32 = 7;
export const SUMS: i32 = 8;
