import type { ImageInput } from './architecture.ts';
import type { RawConfig } from './raw-config.ts';

/** Classes of one model. */
const MOST_CLASSES = 1 << 20;
/** MNIST's mean and standard deviation, which nearly every network for it is trained with. */
const MNIST = { mean: [0.1307], std: [0.3081] };

/** Names of the classes, in order: `id2label`, or as many numbers as `num_labels` says. */
export function readClasses(raw: RawConfig, fallback: number): readonly string[] {
  const names = raw.value('id2label');
  const given = raw.value('num_labels');
  if (typeof names !== 'object' || names === null || Array.isArray(names)) {
    const count = given === undefined ? fallback : raw.size('num_labels');
    if (count > MOST_CLASSES) throw raw.error(`num_labels is ${count}, over the limit of ${MOST_CLASSES}`);
    return Array.from({ length: count }, (_, i) => String(i));
  }
  const count = Object.keys(names).length;
  if (count > MOST_CLASSES)
    throw raw.error(`id2label names ${count} classes, over the limit of ${MOST_CLASSES}`);
  return Array.from({ length: count }, (_, i) => {
    const name = (names as Record<string, unknown>)[String(i)];
    if (typeof name === 'string') return name;
    throw raw.error(`id2label must name classes 0 to ${count - 1}; ${i} is ${JSON.stringify(name)}`);
  });
}

/** `rescale_factor`, `image_mean` and `image_std` of a config; of mechMNISTic's, which has none, MNIST's. */
export function readPixels(raw: RawConfig, channels: number): Exclude<ImageInput['pixels'], string> {
  const ofMnist = raw.value('neurons') !== undefined;
  const read = (
    key: string,
    fallback: readonly number[],
    isRight: (n: number) => boolean,
  ): readonly number[] => {
    const value = raw.value(key) ?? fallback;
    const all = Array.isArray(value) ? value : [value];
    const spread = all.length === 1 ? Array(channels).fill(all[0]) : all;
    if (
      spread.length === channels &&
      spread.every((n) => typeof n === 'number' && Number.isFinite(n) && isRight(n))
    )
      return spread;
    throw raw.error(`${key} must be ${channels} numbers, not ${JSON.stringify(value)}`);
  };
  return {
    rescale: raw.positive('rescale_factor', 1 / 255),
    mean: read('image_mean', ofMnist ? MNIST.mean : [0], () => true),
    std: read('image_std', ofMnist ? MNIST.std : [1], (n) => n > 0),
  };
}
