/** A grey picture. */
export interface Grey {
  readonly width: number;
  readonly height: number;
  /** 0 (black) to 255, row by row. */
  readonly values: Uint8Array;
}

/** A grey picture in fewer pixels: each is the mean of what it covers. */
export function shrunk({ width, height, values }: Grey, to: { width: number; height: number }): Grey {
  const out = new Uint8Array(to.width * to.height);
  for (let y = 0; y < to.height; y++) {
    const [top, bottom] = [Math.floor((y * height) / to.height), Math.floor(((y + 1) * height) / to.height)];
    for (let x = 0; x < to.width; x++) {
      const [left, right] = [Math.floor((x * width) / to.width), Math.floor(((x + 1) * width) / to.width)];
      let sum = 0;
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) sum += values[row * width + column]!;
      }
      out[y * to.width + x] = Math.round(sum / Math.max(1, (bottom - top) * (right - left)));
    }
  }
  return { ...to, values: out };
}

/** The picture moved by whole pixels so that its centre of mass is in the middle, as MNIST's digits were; what leaves it is lost. */
export function centred({ width, height, values }: Grey): Grey {
  let [mass, across, down] = [0, 0, 0];
  values.forEach((value, i) => {
    mass += value;
    across += value * (i % width);
    down += value * Math.floor(i / width);
  });
  if (mass === 0) return { width, height, values };
  const dx = Math.round((width - 1) / 2 - across / mass);
  const dy = Math.round((height - 1) / 2 - down / mass);
  const out = new Uint8Array(values.length);
  for (let y = Math.max(0, dy); y < Math.min(height, height + dy); y++) {
    for (let x = Math.max(0, dx); x < Math.min(width, width + dx); x++) {
      out[y * width + x] = values[(y - dy) * width + x - dx]!;
    }
  }
  return { width, height, values: out };
}

/** The numbers of a picture as the model takes them: each grey once for every channel. */
export function channelsOf({ values }: Grey, channels: number): number[] {
  return Array.from(values).flatMap((value) => new Array<number>(channels).fill(value));
}
