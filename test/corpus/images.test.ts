import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeImage, imageSize } from '../../src/corpus/images/decode.ts';
import type { Image } from '../../src/corpus/images/image.ts';
import { imageContexts } from '../../src/corpus/images/image-contexts.ts';
import { openImages } from '../../src/corpus/images/open-images.ts';
import { decodePng, encodePng, thumbnailPng } from '../../src/corpus/images/png.ts';
import { fitted, normalised, readPreprocessing } from '../../src/corpus/images/preprocessing.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'polyseme-images-'));
});

function write(name: string, bytes: Uint8Array | string): string {
  const path = join(dir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** A picture that no other number gives. */
function picture(seed: number, width = 5, height = 4, channels: 1 | 3 = 1): Image {
  const data = Uint8Array.from(
    { length: width * height * channels },
    (_, i) => (31 * i + 57 * seed + i * i) % 256,
  );
  return { width, height, channels, data };
}

function idx(count: number, images: readonly Image[], magic = 0x803): Buffer {
  const head = Buffer.alloc(16);
  [magic, count, images[0]!.height, images[0]!.width].forEach((value, i) => {
    head.writeUInt32BE(value, 4 * i);
  });
  return Buffer.concat([head, ...images.map(({ data }) => data)]);
}

function labels(values: readonly number[], count = values.length): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(0x801, 0);
  head.writeUInt32BE(count, 4);
  return Buffer.concat([head, Buffer.from(values)]);
}

async function all(source: string, from?: number) {
  const corpus = await openImages(source);
  const found = [];
  for await (const { name, label, ordinal, load } of corpus.images(from)) {
    found.push({ name, label, ordinal, image: await load() });
  }
  return found;
}

const anySize = () => null;

describe('idx files', () => {
  it('gives images with the labels beside them, compressed or not', async () => {
    const pictures = [1, 2, 3].map((seed) => picture(seed));
    for (const [name, pack] of [
      ['a', (b: Buffer) => b],
      ['b', gzipSync],
    ] as const) {
      const end = name === 'b' ? '.gz' : '';
      const path = write(`${name}/x-images-idx3-ubyte${end}`, pack(idx(3, pictures)));
      write(`${name}/x-labels-idx1-ubyte${end}`, pack(labels([7, 0, 9])));
      const found = await all(path);
      expect(found.map(({ label }) => label)).toEqual(['7', '0', '9']);
      expect(found.map(({ image }) => image)).toEqual(pictures);
      expect((await all(path, 2)).map(({ ordinal, label }) => [ordinal, label])).toEqual([[2, '9']]);
      await expect((await openImages(path)).check(anySize)).resolves.toBeUndefined();
    }
  });

  it('says in one line where a header lies', async () => {
    const pictures = [1, 2, 3].map((seed) => picture(seed));
    const more = write('lie/more-images-idx3-ubyte', idx(4, pictures));
    await expect((await openImages(more)).check(anySize)).rejects.toThrow(
      /more-images-idx3-ubyte: its header says 4 images of 5 × 4, 80 bytes, but 60 follow/,
    );
    const fewer = write('lie/fewer-images-idx3-ubyte.gz', gzipSync(idx(2, pictures)));
    await expect((await openImages(fewer)).check(anySize)).rejects.toThrow(
      /2 images of 5 × 4, 40 bytes, but 60 follow/,
    );
    const cut = write('lie/cut-images-idx3-ubyte.gz', gzipSync(idx(3, pictures)).subarray(0, 40));
    await expect((await openImages(cut)).check(anySize)).rejects.toThrow(/gzip data ends too early/);
    const floats = write('lie/floats-images-idx3-ubyte', idx(3, pictures, 0xd03));
    await expect(openImages(floats)).rejects.toThrow(/begins with 0x00000d03, not 0x00000803/);
    const huge = idx(3, pictures);
    huge.writeUInt32BE(2 ** 31, 4);
    await expect(openImages(write('lie/huge-images-idx3-ubyte', huge))).rejects.toThrow(
      /says 2147483648 images/,
    );
    const wide = idx(3, pictures);
    wide.writeUInt32BE(2 ** 31, 8);
    await expect(openImages(write('lie/wide-images-idx3-ubyte', wide))).rejects.toThrow(
      /over the limit of 67108864/,
    );
    const path = write('lie2/x-images-idx3-ubyte', idx(3, pictures));
    write('lie2/x-labels-idx1-ubyte', labels([1, 2]));
    await expect(openImages(path)).rejects.toThrow(/has 2 labels, but x-images-idx3-ubyte has 3 images/);
    write('lie2/x-labels-idx1-ubyte', labels([1, 2], 3));
    await expect(openImages(path)).rejects.toThrow(/says 3 labels, but 2 follow/);
  });
});

describe('folders of images', () => {
  it('take labels from the folder that an image lies in', async () => {
    const [cat, dog] = [picture(1, 6, 6, 3), picture(2)];
    write('pets/cats/1.png', encodePng(cat));
    write('pets/dogs/2.png', encodePng(dog));
    write('pets/0.png', encodePng(dog));
    write('pets/notes.txt', 'no image');
    const found = await all(join(dir, 'pets'));
    expect(found.map(({ name, label, image }) => [name, label, image])).toEqual([
      ['0.png', null, dog],
      ['cats/1.png', 'cats', cat],
      ['dogs/2.png', 'dogs', dog],
    ]);
  });

  it('or from a table', async () => {
    write('table/a.png', encodePng(picture(1)));
    write('table/sub/b.png', encodePng(picture(2)));
    const table = write(
      'table/metadata.csv',
      'file_name,label,other\na.png,"a cat, asleep",1\nsub/b.png,dog,2\n',
    );
    expect((await all(join(dir, 'table'))).map(({ label }) => label)).toEqual(['a cat, asleep', 'dog']);
    writeFileSync(table, 'file_name,label\nc.png,x\n');
    await expect(all(join(dir, 'table'))).rejects.toThrow(
      /names the image "c.png", which is not in the folder/,
    );
    writeFileSync(table, 'a,b\n1,2\n');
    await expect(all(join(dir, 'table'))).rejects.toThrow(/no column of file names .*the columns are a, b/);
  });

  it('find damage and other sizes before anything is decoded', async () => {
    const png = encodePng(picture(1, 40, 30, 3));
    write('bad/a.png', png);
    write('bad/b.png', png.subarray(0, png.length - 20));
    const corpus = await openImages(join(dir, 'bad'));
    await expect(corpus.check(anySize)).rejects.toThrow(/^b\.png: the image is cut off or damaged/);
    await expect(corpus.check(({ width }) => (width === 28 ? null : `${width} wide`))).rejects.toThrow(
      /^a\.png: 40 wide/,
    );
    await expect(all(write('bad2/x.png', 'GIF89a'))).rejects.toThrow(/x\.png: no PNG, JPEG or WebP/);
    await expect(all(write('bad3/x.png', ''))).rejects.toThrow(/an empty file/);
    const flipped = Buffer.from(png);
    flipped[60]! ^= 0xff;
    await expect(all(write('bad4/x.png', flipped))).rejects.toThrow(/x\.png: not readable as an image/);
  });

  it('says what it knows where there is nothing', async () => {
    write('none/a.txt', 'x');
    await expect(openImages(join(dir, 'none'))).rejects.toThrow(
      /no images in .*1 of other kinds, as a\.txt\); known are idx/,
    );
    await expect(openImages(join(dir, 'nowhere'))).rejects.toThrow(/no such file or folder/);
    await expect(openImages('builtin:sotu')).rejects.toThrow(/the built-in ones are builtin:digits/);
  });
});

describe('image columns of Parquet', () => {
  it('reads bytes in a structure, and the names of classes', async () => {
    const pictures = [picture(1), picture(2, 3, 7, 3)];
    const bytes = parquetWriteBuffer({
      columnData: [
        {
          name: 'image',
          data: pictures.map((image) => ({ bytes: new Uint8Array(encodePng(image)), path: 'x' })),
        },
        { name: 'label', data: [1, 0] },
      ],
      schema: [
        { name: 'root', num_children: 2 },
        { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
        { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'label', type: 'INT32', repetition_type: 'OPTIONAL' },
      ],
      kvMetadata: [
        {
          key: 'huggingface',
          value: JSON.stringify({
            info: { features: { label: { names: ['zero', 'one'], _type: 'ClassLabel' } } },
          }),
        },
      ],
    });
    const path = write('table.parquet', Buffer.from(bytes));
    const found = await all(path);
    expect(found.map(({ name, label, image }) => [name, label, image])).toEqual([
      ['table.parquet:1', 'one', pictures[0]],
      ['table.parquet:2', 'zero', pictures[1]],
    ]);
    await expect(openImages(path, { column: 'label' })).rejects.toThrow(
      /column "label" does not hold images/,
    );
    await expect(openImages(path, { column: 'picture' })).rejects.toThrow(
      /no column "picture"; the columns are image, label/,
    );
  });
});

describe('contexts of images', () => {
  const reader = {
    positions: 2,
    refuse: () => null,
    read: ({ data, width, height }: Image) => ({
      data: Float32Array.from(data),
      shape: [1, height, width] as const,
    }),
  };

  it('are as many as asked for, without repeats, and go on where they stopped', async () => {
    const pictures = [1, 2, 1, 3, 4].map((seed) => picture(seed));
    const corpus = await openImages(write('ctx/x-images-idx3-ubyte', idx(5, pictures)));
    const contexts = imageContexts(corpus, reader, { skipDuplicates: true });
    const found = [];
    let digests = new Uint32Array(0);
    for await (const context of contexts) {
      found.push(context);
      if (context.id === 1) digests = contexts.digests!(context.cursor) as typeof digests;
    }
    expect(found.map(({ id, document }) => [id, document])).toEqual([
      [0, 0],
      [1, 1],
      [2, 3],
      [3, 4],
    ]);
    expect(contexts.summary).toEqual({ documents: 5, skipped: 0, duplicates: 1, contexts: 4, tokens: 8 });
    const rest = [];
    for await (const { id, document } of imageContexts(corpus, reader, {
      skipDuplicates: true,
      from: found[1]!.cursor,
      digests,
    })) {
      rest.push([id, document]);
    }
    expect(rest).toEqual([
      [2, 3],
      [3, 4],
    ]);
    const some = [];
    for await (const { document } of imageContexts(corpus, reader, { count: 2, seed: 1 }))
      some.push(document);
    expect(some).toHaveLength(2);
  });
});

describe('PNG', () => {
  it.each([1, 3] as const)('of %i channels is read back, by sharp and by itself', async (channels) => {
    const image = picture(3, 17, 9, channels);
    const png = encodePng(image);
    expect(await decodeImage(png, 'x')).toEqual(image);
    expect(decodePng(png)).toEqual(image);
    expect(imageSize(png, 'x')).toEqual({ width: 17, height: 9 });
  });

  it('of a large image has a longest side of so many pixels', () => {
    expect(imageSize(thumbnailPng(picture(1, 500, 300, 3), 224), 'x')).toEqual({ width: 224, height: 134 });
    expect(imageSize(thumbnailPng(picture(1, 20, 300), 224), 'x')).toEqual({ width: 15, height: 224 });
  });

  it.each(['jpeg', 'webp'] as const)('%s is decoded as grey or colour, in its size', async (format) => {
    const { default: sharp } = await import('sharp');
    const source = picture(1, 20, 10, 3);
    const raw = sharp(source.data, { raw: { width: 20, height: 10, channels: 3 } });
    const bytes = await raw.toFormat(format, { quality: 100 }).toBuffer();
    expect(imageSize(bytes, 'x')).toEqual({ width: 20, height: 10 });
    const { width, height, channels } = await decodeImage(bytes, 'x');
    expect([width, height, channels]).toEqual([20, 10, 3]);
    expect(() => imageSize(bytes.subarray(0, bytes.length - 12), 'cut')).toThrow(
      /^cut: the image is cut off/,
    );
  });
});

describe('preprocessing', () => {
  const FIXTURE = new URL('../fixtures/corpus/images/processors.json', import.meta.url);
  const { width, height, pixels, cases } = JSON.parse(readFileSync(FIXTURE, 'utf8')) as {
    width: number;
    height: number;
    pixels: number[];
    cases: { config: Record<string, unknown>; torchvision: Expected; pil: Expected }[];
  };
  interface Expected {
    shape: number[];
    values: number[];
  }
  const image: Image = { width, height, channels: 3, data: Uint8Array.from(pixels) };

  it.each(cases)(
    '$config.image_processor_type equals transformers’, within one step of 8 bits',
    ({ config, ...backends }) => {
      const how = readPreprocessing(config, 'x', '');
      const { data, shape } = normalised(fitted(image, how), how);
      for (const { shape: size, values } of Object.values(backends)) {
        expect(shape).toEqual(size);
        let sum = 0;
        values.forEach((value, i) => {
          const channel = Math.floor(i / (shape[1] * shape[2]));
          const steps = Math.abs(data[i]! - value) * 255 * how.std[channel]!;
          expect(steps).toBeLessThan(1.01);
          sum += steps;
        });
        // Most are equal: a shift or another filter would be steps away everywhere.
        expect(sum / values.length).toBeLessThan(0.3);
      }
    },
  );

  it('refuses what it does not follow', () => {
    const read = (config: object) => () =>
      readPreprocessing({ ...cases[0]!.config, ...config }, 'f.json', '');
    expect(read({ do_pad: true })).toThrow(/f\.json: do_pad = true changes the pixels/);
    expect(read({ image_processor_type: 'SamImageProcessor' })).toThrow(
      /"SamImageProcessor" is not followed/,
    );
    expect(read({ resample: 9 })).toThrow(/resample 9 is no filter/);
    expect(read({ image_std: [1, 0, 1] })).toThrow(/image_std must be 3 numbers/);
    expect(read({ size: { height: 1e9, width: 2 } })).toThrow(/size.height must be a whole number/);
  });
});
