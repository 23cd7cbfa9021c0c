/** How the model of a study reads images: what a study of images says of its model. */
export interface ImageGrid {
  readonly channels: 1 | 3;
  /** Pixels of what the model sees. */
  readonly height: number;
  readonly width: number;
  /** Pixels of a patch's side; null: one position, the image. */
  readonly patch: number | null;
  /** First positions that stand for the whole image, and those after them that stand for nothing. */
  readonly whole: number;
  readonly registers: number;
  readonly classes: readonly string[] | null;
}

/** What a study says of images, checked; null where its contexts are text. */
export function imageGrid(model: Readonly<Record<string, unknown>>): ImageGrid | null {
  const { image } = model as { image?: Partial<ImageGrid> };
  if (typeof image !== 'object' || image === null) return null;
  const { channels, height, width, patch, whole, registers, classes } = image;
  const isCount = (n: unknown, least: number): n is number =>
    Number.isSafeInteger(n) && (n as number) >= least && (n as number) <= 1 << 24;
  const sides = isCount(height, 1) && isCount(width, 1) && (patch === null || isCount(patch, 1));
  if (!sides || !isCount(whole, 0) || !isCount(registers, 0) || (channels !== 1 && channels !== 3))
    return null;
  const named = Array.isArray(classes) && classes.every((name) => typeof name === 'string');
  return { channels, height, width, patch: patch!, whole, registers, classes: named ? classes : null };
}

/** Left, top, width and height of the patch at a position; null where it stands for the whole image. */
export function patchBox(grid: ImageGrid | null, position: number): [number, number, number, number] | null {
  if (grid === null || grid.patch === null) return null;
  const { patch, width, whole, registers } = grid;
  const at = position - whole - registers;
  if (at < 0) return null;
  const columns = Math.floor(width / patch);
  return [(at % columns) * patch, Math.floor(at / columns) * patch, patch, patch];
}

/** What a study says of its model, as people read it: what an image model predicts are classes, and it has no vocabulary. */
export function shownModel(model: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const grid = imageGrid(model);
  if (grid === null) return { ...model };
  const { vocabulary: _, ...rest } = model;
  const { width, height, channels, patch, classes } = grid;
  const parts = [
    `of ${width} × ${height} pixels`,
    channels === 1 ? 'grey' : 'RGB',
    ...(patch === null ? [] : [`patches of ${patch} × ${patch}`]),
    ...(classes === null ? [] : [`${classes.length} classes`]),
  ];
  return { ...rest, image: parts.join(', ') };
}
