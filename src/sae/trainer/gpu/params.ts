/** The numbers that all kernels share, in the order of the WGSL structure; u32 unless they are real. */
export const PARAMS = {
  /** Floats of a row of the inputs. */
  stride: 'u32',
  latents: 'u32',
  tokens: 'u32',
  /** Entries a token has room for; those that it has not are of value 0. */
  k: 'u32',
  /** 1 where the encoder sees x less b_dec. */
  centred: 'u32',
  /** 1 where only latents of the mask are chosen. */
  masked: 'u32',
  /** 1 where L_R has written to dz and errors. */
  aligned: 'u32',
  /** 1 where gradients are added to what is there. */
  adds: 'u32',
  /** What decode takes from Σ z·W_dec: the target (1), or its opposite (−1). */
  targetSign: 'f32',
  /** What x̂ − x is multiplied by in the gradient of the squared error. */
  errorFactor: 'f32',
  /** Weights of L_N and of L_R over the number of tokens. */
  embeddingWeight: 'f32',
  residualWeight: 'f32',
  /** Adam's numbers, as in kernels/sae/params.ts. */
  stepSize: 'f32',
  invRootV: 'f32',
  epsilon: 'f32',
  takeM: 'f32',
  keepV: 'f32',
  takeV: 'f32',
} as const;

export type GpuParams = Record<keyof typeof PARAMS, number>;

/** Groups along the first axis of a grid: WebGPU allows 65,535 an axis. */
export const GRID = 32_768;

/** Numbers a token has in the buffer of figures, and which is which. */
export const FIGURES = 8;
export const FIGURE = { error: 0, sparsity: 1, alignment: 2, auxiliary: 3, embedding: 4, pairs: 5 } as const;

/** The size of a grid of `count` groups. */
export function gridOf(count: number): [number, number] {
  return [Math.min(count, GRID), Math.ceil(count / GRID)];
}

/** The numbers as the uniform buffer has them. */
export function packParams(params: GpuParams): ArrayBuffer {
  const bytes = new ArrayBuffer(4 * Object.keys(PARAMS).length);
  const view = new DataView(bytes);
  Object.entries(PARAMS).forEach(([name, type], i) => {
    const value = params[name as keyof GpuParams];
    if (type === 'u32') view.setUint32(4 * i, value, true);
    else view.setFloat32(4 * i, value, true);
  });
  return bytes;
}

/** What every kernel begins with: the numbers at binding 0, the group's place in the grid, sums over a group of 64. */
export const PRELUDE = /* wgsl */ `
struct Params {
  ${Object.entries(PARAMS)
    .map(([name, type]) => `${name}: ${type},`)
    .join('\n  ')}
}
@group(0) @binding(0) var<uniform> p: Params;

/// Value and latent of an active pair; value 0 where there is none.
struct Entry { value: f32, latent: u32 }

fn place(group: vec3<u32>) -> u32 { return group.x + group.y * ${GRID}u; }
`;

/** Σ over the 64 threads of a group, the same for all of them, in one order. */
export const GROUP_SUM = /* wgsl */ `
var<workgroup> parts: array<f32, 64>;
fn groupSum(value: f32, thread: u32) -> f32 {
  parts[thread] = value;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (thread < half) { parts[thread] += parts[thread + half]; }
    workgroupBarrier();
  }
  let sum = parts[0];
  workgroupBarrier();
  return sum;
}
`;
