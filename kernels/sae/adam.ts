// Adam as torch.optim.Adam computes it (no weight decay, bias-corrected).
import { Params } from './params';

/** One row's step; returns 0 where every weight is finite after it, else NaN. */
export function adamRow(p: Params, w: usize, m: usize, v: usize, g: usize, bytes: usize): f32 {
  const clip = f32x4.splat(p.clip);
  const takeM = f32x4.splat(p.takeM);
  const keepV = f32x4.splat(p.keepV);
  const takeV = f32x4.splat(p.takeV);
  const step = f32x4.splat(p.stepSize);
  const invRootV = f32x4.splat(p.invRootV);
  const epsilon = f32x4.splat(p.epsilon);
  const zero = f32x4.splat(0);
  let check = zero;
  for (let k: usize = 0; k < bytes; k += 16) {
    const grad = f32x4.mul(v128.load(g + k), clip);
    const oldM = v128.load(m + k);
    const newM = f32x4.add(oldM, f32x4.mul(f32x4.sub(grad, oldM), takeM));
    const newV = f32x4.add(f32x4.mul(v128.load(v + k), keepV), f32x4.mul(takeV, f32x4.mul(grad, grad)));
    v128.store(m + k, newM);
    v128.store(v + k, newV);
    const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(newV), invRootV), epsilon);
    const next = f32x4.sub(v128.load(w + k), f32x4.div(f32x4.mul(step, newM), denominator));
    v128.store(w + k, next);
    // An infinite moment stops a weight for good: it counts as not finite too.
    check = f32x4.add(check, f32x4.mul(f32x4.add(next, newV), zero));
  }
  return (
    f32x4.extract_lane(check, 0) +
    f32x4.extract_lane(check, 1) +
    f32x4.extract_lane(check, 2) +
    f32x4.extract_lane(check, 3)
  );
}

export function adamScalar(p: Params, w: usize, m: usize, v: usize, g: f32): void {
  const grad = g * p.clip;
  const oldM = load<f32>(m);
  const newM = oldM + (grad - oldM) * p.takeM;
  const newV = load<f32>(v) * p.keepV + p.takeV * (grad * grad);
  store<f32>(m, newM);
  store<f32>(v, newV);
  const root: f32 = Mathf.sqrt(newV);
  store<f32>(w, load<f32>(w) - (p.stepSize * newM) / (root * p.invRootV + p.epsilon));
}
