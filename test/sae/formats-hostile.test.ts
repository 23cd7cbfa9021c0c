import { existsSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { cp, mkdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { PolysemeError } from '../../src/errors.ts';
import { loadSae } from '../../src/sae/load-sae.ts';
import { Sae } from '../../src/sae/sae.ts';
import { saveSae } from '../../src/sae/save.ts';
import { rowMajor } from '../../src/tensors/matrix.ts';
import { openNpz, writeNpz } from '../../src/tensors/npz.ts';
import { writeTorch } from '../../src/tensors/torch.ts';
import { writeZip } from '../../src/tensors/zip.ts';

const golden = new URL('../fixtures/sae/golden/', import.meta.url).pathname;
const gemma = `${golden}gs-res/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71/params.npz`;
const compressed = gemma.replace('gs-res/', 'gs-res-compressed/');
const temporary = () => mkdtempSync(join(tmpdir(), 'sae-'));
const latin = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** The one line that loading `source` fails with. */
async function failureOf(source: string): Promise<string> {
  const error = await loadSae(source).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PolysemeError);
  const { message } = error as PolysemeError;
  expect(message).not.toContain('\n');
  return message;
}

function torchFile(pickle: string): string {
  const path = join(temporary(), 'ae.pt');
  const entries = [{ name: 'archive/data.pkl', data: [latin(pickle)] }];
  writeFileSync(path, Buffer.concat([...writeZip(entries)]));
  return path;
}

describe('pickles', () => {
  const evidence = join(tmpdir(), `sae-evidence-${process.pid}`);
  const command = `touch ${evidence}`;
  const text = (s: string) => `X${String.fromCharCode(s.length, 0, 0, 0)}${s}`;

  test.each([
    ['GLOBAL', `\x80\x02cposix\nsystem\n${text(command)}\x85R.`, 'posix.system'],
    ['STACK_GLOBAL', `\x80\x04\x8c\x02os\x8c\x06system\x93${text(command)}\x85R.`, 'os.system'],
    ['a class of builtins', `\x80\x02c__builtin__\neval\n${text('1')}\x85R.`, '__builtin__.eval'],
    ['a class of torch', `\x80\x02ctorch.nn.modules.linear\nLinear\n)R.`, 'torch.nn.modules.linear.Linear'],
    ['getattr', `\x80\x02cbuiltins\ngetattr\n.`, 'builtins.getattr'],
  ])('that ask for what no checkpoint needs are refused by name: %s', async (_, pickle, name) => {
    expect(await failureOf(torchFile(pickle))).toMatch(
      new RegExp(`asks for ${name.replaceAll('.', '\\.')}\\b.*refused, nothing was run`),
    );
    const old = join(temporary(), 'ae.pt');
    writeFileSync(old, latin(pickle));
    expect(await failureOf(old)).toContain(`asks for ${name}`);
    expect(existsSync(evidence)).toBe(false);
  });

  test.each([
    ['NEWOBJ', '\x80\x02ccollections\nOrderedDict\n)\x81.', 'opcode 0x81'],
    ['INST', '\x80\x02(iposix\nsystem\n.', 'opcode 0x69'],
    ['EXT1', '\x80\x02\x82\x01.', 'opcode 0x82'],
    ['PERSID', '\x80\x02Pstorage\n.', 'opcode 0x50'],
    [
      'an allowed name called with other arguments',
      '\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.',
      'with 0 arguments',
    ],
    ['a dictionary called', '\x80\x02})R.', 'it calls no function'],
    ['an unknown storage', '\x80\x02K\x01Q.', 'an unknown kind of storage'],
    ['an empty stack', '\x80\x02.', 'its stack is empty'],
    ['no end', '\x80\x02}', 'it ends inside'],
    ['a length beyond the end', '\x80\x02X\xff\xff\xff\x7fa.', 'it ends inside'],
    ['no dictionary', '\x80\x02K\x01.', 'holds no dictionary of tensors'],
    ['a memo never put', '\x80\x02h\x07.', 'never put'],
    ['a protocol to come', '\x80\x09.', 'protocol after 5'],
    ['a list without end', `\x80\x02](${'K\x01'.repeat(1 << 20)}e.`, 'more than 1048576 steps'],
  ])('%s', async (_, pickle, reason) => {
    expect(await failureOf(torchFile(pickle))).toContain(reason);
  });

  test('a tensor cannot reach past its storage, nor claim a storage that is not there', async () => {
    const path = join(temporary(), 'ae.pt');
    const data = new Float32Array(4);
    await writeTorch(path, { bias: { shape: [2, 3], strides: [3, 1], data } });
    expect(await failureOf(path)).toContain('shape [2, 3] reaches past its storage 0 of 4 numbers');
    await writeTorch(path, { bias: { shape: [2], strides: [-3], data } });
    expect(await failureOf(path)).toContain('impossible shape [-3]');
    await writeTorch(path, { bias: { shape: [4], strides: [1], data } });
    const bytes = readFileSync(path).toString('latin1').replaceAll('archive/data/0', 'archive/data/1');
    writeFileSync(path, latin(bytes));
    writeFileSync(join(path, '..', 'config.json'), '{"trainer":{"dict_class":"AutoEncoderNew"}}');
    expect(await failureOf(path)).toMatch('tensor encoder.weight is missing; it has bias');
  });
});

describe('BatchTopK SAEs whose threshold was never set', () => {
  const said = 'its threshold was never set (-1): every latent above 0 is active';

  test('say so when they are loaded', async () => {
    const set = await loadSae(`${golden}dl-matryoshka`);
    expect(set.notes.join()).not.toContain('threshold');
    const threshold = new Float32Array(set.config.dSae).fill(-1);
    const folder = temporary();
    await saveSae(new Sae(set.config, { ...set.tensors, threshold }), folder, {
      format: 'dictionary_learning',
    });
    const { notes } = await loadSae(folder);
    expect(notes.join()).toContain(said);
  });

  const unset = new URL('../../../shared/inputs/batchtopk-threshold-unset', import.meta.url).pathname;
  test.skipIf(!existsSync(unset))('shared: batchtopk-threshold-unset', async () => {
    const { notes } = await loadSae(unset);
    expect(notes.join()).toContain(`${said}, not on average the 4 latents`);
  });
});

/** What torch writes after `torch.serialization.set_crc32_options(False)`: 0 for every checksum. */
function withoutSums(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const next = (from: number): number => changed.indexOf('PK\x01\x02', from, 'latin1');
  for (let at = next(0); at >= 0; at = next(at + 4)) changed.writeUInt32LE(0, at + 16);
  return changed;
}

describe('truncated and lying files', () => {
  test.each([
    gemma,
    compressed,
    `${golden}dl-topk/ae.pt`,
    `${golden}dl-legacy/ae.pt`,
    `${golden}sl-gated/sae_weights.safetensors`,
  ])('cut anywhere: %s', async (original) => {
    const folder = temporary();
    await cp(join(original, '..'), folder, { recursive: true });
    const path = join(folder, original.split('/').at(-1)!);
    const { length } = readFileSync(path);
    for (const share of [0.999, 0.9, 0.6, 0.3, 0.05]) {
      truncateSync(path, Math.floor(length * share));
      expect(await failureOf(folder)).toMatch(/truncat|whole|ends|damaged|older format|past its end|missing/);
    }
    truncateSync(path, 0);
    await failureOf(folder);
  });

  test('any byte changed gives one line or an SAE, never a crash', async () => {
    let state = 7;
    const random = (n: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state % n;
    };
    for (const original of [
      compressed,
      `${golden}dl-matryoshka/ae.pt`,
      `${golden}dl-legacy/ae.pt`,
      `${golden}sl-topk/cfg.json`,
    ]) {
      const folder = temporary();
      await cp(join(original, '..'), folder, { recursive: true });
      const path = join(folder, original.split('/').at(-1)!);
      const bytes = readFileSync(original);
      for (let i = 0; i < 150; i++) {
        const changed = Buffer.from(bytes);
        for (let n = 0; n <= i % 3; n++) changed[random(changed.length)] = random(256);
        writeFileSync(path, changed);
        const outcome = await loadSae(folder).catch((error: unknown) => error);
        expect(outcome instanceof Sae || outcome instanceof PolysemeError ? 'fine' : outcome).toBe('fine');
      }
    }
  });

  test('a number changed in a file of torch is noticed by its checksum; one without checksums is read', async () => {
    const folder = temporary();
    const path = join(folder, 'ae.pt');
    await cp(join(`${golden}dl-topk/ae.pt`, '..'), folder, { recursive: true });
    const whole = readFileSync(path);
    const first = Buffer.from(whole);
    // The entries' data begins at a multiple of 64; the largest one lies in the middle.
    first[Math.floor(whole.length / 2)]! ^= 1;
    writeFileSync(path, first);
    expect(await failureOf(folder)).toMatch(
      /ae\.pt\): not a whole zip archive: entry \S+ does not match its checksum/,
    );
    writeFileSync(path, withoutSums(first));
    expect(await loadSae(folder)).toBeInstanceOf(Sae);
  });

  const npz = (header: string, body: Uint8Array, change: (zip: Buffer) => void = () => {}) => {
    const path = join(temporary(), 'params.npz');
    const start = latin(
      `\x93NUMPY\x01\x00${String.fromCharCode(header.length & 255, header.length >> 8)}${header}`,
    );
    const zip = Buffer.concat([...writeZip([{ name: 'W_enc.npy', data: [start, body] }])]);
    change(zip);
    writeFileSync(path, zip);
    return path;
  };
  const shape = (text: string, descr = '<f4') =>
    `{'descr': '${descr}', 'fortran_order': False, 'shape': (${text}), }\n`;

  test.each([
    ['more than there is', shape('2, 3'), 'asks for'],
    ['less than there is', shape('1,'), 'asks for'],
    ['an absurd shape', shape('99999999999, 99999999999'), 'impossible shape'],
    ['objects, which would be pickles', shape('2,', '|O'), 'elements of type |O cannot be read'],
    ['big-endian numbers', shape('2,', '>f4'), 'elements of type >f4 cannot be read'],
    ['a name of the runtime', shape('2,', 'constructor'), 'elements of type constructor cannot be read'],
    ['no shape', `{'descr': '<f4'}\n`, 'its header is'],
  ])('an array that claims %s', async (_, header, reason) => {
    expect(await failureOf(npz(header, new Uint8Array(8)))).toContain(reason);
  });

  test('an archive with two entries of one name, a method unknown, a wrong checksum', async () => {
    const path = join(temporary(), 'params.npz');
    const twice = [1, 2].map((n) => ({ name: 'a.npy', data: [Uint8Array.of(n)] }));
    writeFileSync(path, Buffer.concat([...writeZip(twice)]));
    expect(await failureOf(path)).toContain('entry a.npy is there twice');

    const method = npz(shape('2,'), new Uint8Array(8), (zip) => {
      zip.writeUInt16LE(99, zip.indexOf(latin('PK\x01\x02')) + 10);
    });
    expect(await failureOf(method)).toContain('compressed by method 99');

    const checked = join(temporary(), 'params.npz');
    await cp(gemma, checked);
    const bytes = readFileSync(checked);
    bytes[bytes.indexOf(latin('NUMPY')) + 300]! ^= 1;
    writeFileSync(checked, bytes);
    expect(await failureOf(checked)).toContain('does not match its checksum');
  });

  test('a small entry that claims to inflate to terabytes', async () => {
    const bomb = npz(shape('2,'), new Uint8Array(8), (zip) => {
      const at = zip.indexOf(latin('PK\x01\x02'));
      zip.writeUInt16LE(8, at + 10);
      zip.writeUInt32LE(0xfffffff0, at + 24);
    });
    expect(await failureOf(bomb)).toContain('claims 4294967280 bytes');
  });

  test('an entry that inflates to less than it claims', async () => {
    const path = join(temporary(), 'params.npz');
    const header = shape('60,');
    const plain = latin(
      `\x93NUMPY\x01\x00${String.fromCharCode(header.length, 0)}${header}${'\0'.repeat(240)}`,
    );
    const packed = deflateRawSync(plain.subarray(0, plain.length - 40));
    const zip = Buffer.concat([...writeZip([{ name: 'W_enc.npy', data: [packed] }])]);
    const at = zip.indexOf(latin('PK\x01\x02'));
    zip.writeUInt16LE(8, at + 10);
    zip.writeUInt32LE(plain.length, at + 24);
    writeFileSync(path, zip);
    const file = await openNpz(path);
    await expect(file.read('W_enc')).rejects.toThrow(`ends before its ${plain.length} bytes`);
    await file.close();
  });

  test('zip64 archives are read', async () => {
    const path = join(temporary(), 'params.npz');
    await writeNpz(path, { a: rowMajor(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3) });
    const zip = readFileSync(path);
    const central = zip.indexOf(latin('PK\x01\x02'));
    const nameEnd = central + 46 + zip.readUInt16LE(central + 28);
    const entry = Buffer.from(zip.subarray(central, nameEnd));
    const extra = Buffer.alloc(28);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    extra.writeBigUInt64LE(BigInt(entry.readUInt32LE(24)), 4);
    extra.writeBigUInt64LE(BigInt(entry.readUInt32LE(20)), 12);
    extra.writeBigUInt64LE(BigInt(entry.readUInt32LE(42)), 20);
    for (const at of [20, 24, 42]) entry.writeUInt32LE(0xffffffff, at);
    entry.writeUInt16LE(28, 30);
    const end64 = Buffer.alloc(56);
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(44n, 4);
    end64.writeBigUInt64LE(1n, 24);
    end64.writeBigUInt64LE(1n, 32);
    end64.writeBigUInt64LE(BigInt(entry.length + extra.length), 40);
    end64.writeBigUInt64LE(BigInt(central), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(central + entry.length + extra.length), 8);
    const end = Buffer.alloc(22, 0xff);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(0, 20);
    writeFileSync(path, Buffer.concat([zip.subarray(0, central), entry, extra, end64, locator, end]));
    const file = await openNpz(path);
    expect((await file.read('a')).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    await file.close();
  });
});

describe('wrong weights and configs', () => {
  async function changed(
    name: string,
    file: string,
    change: (json: Record<string, unknown>) => void,
  ): Promise<string> {
    const folder = temporary();
    await cp(golden + name, folder, { recursive: true });
    const json = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    change(json);
    writeFileSync(join(folder, file), JSON.stringify(json));
    return folder;
  }

  test.each([
    [
      'sl-standard',
      'cfg.json',
      { architecture: 'temporal' },
      'architecture temporal is not supported (standard, gated',
    ],
    ['sl-standard', 'cfg.json', { architecture: 'toString' }, 'architecture toString is not supported'],
    ['sl-standard', 'cfg.json', { architecture: 'gated' }, 'tensor b_gate is missing; it has'],
    ['sl-standard', 'cfg.json', { architecture: 'jumprelu' }, 'tensor threshold is missing; it has'],
    [
      'sl-standard',
      'cfg.json',
      { d_in: 7, d_out: 7 },
      'W_enc is 6 × 10; width 7 and 10 latents make it 7 × 10',
    ],
    ['sl-standard', 'cfg.json', { d_sae: 'many' }, 'd_sae is "many"; a whole number is expected'],
    [
      'sl-standard',
      'cfg.json',
      { normalize_activations: 'batch_norm' },
      'normalize_activations batch_norm is not supported',
    ],
    ['sl-topk', 'cfg.json', { k: 11 }, 'k = 11 is not a number of its 10 latents'],
    ['sl-topk', 'cfg.json', { k: 2.5 }, 'k = 2.5 is not a number of its 10 latents'],
    [
      'sl-old-standard',
      'cfg.json',
      { activation_fn_str: 'tanh-relu' },
      'activation_fn tanh-relu is not supported',
    ],
    [
      'dl-topk',
      'config.json',
      { trainer: { dict_class: 'CrossCoder' } },
      'dict_class CrossCoder is not supported',
    ],
    [
      'dl-topk',
      'config.json',
      { trainer: { dict_class: 'GatedAutoEncoder' } },
      'tensor decoder_bias is missing; it has',
    ],
    ['dl-topk', 'config.json', {}, null],
    [
      'sp-topk/layers.1',
      'cfg.json',
      { activation: 'relu' },
      'activation relu is not supported (topk, groupmax)',
    ],
    ['sp-topk/layers.1', 'cfg.json', { signed: true }, 'signed latents'],
    ['sp-groupmax/layers.1', 'cfg.json', { k: 3 }, '10 latents do not divide into 3 groups'],
  ])('%s with %s %o', async (name, file, keys, reason) => {
    const folder = await changed(name, file, (json) => Object.assign(json, keys));
    if (reason === null) expect((await loadSae(folder)).config.format).toBe('dictionary_learning');
    else expect(await failureOf(folder)).toContain(reason);
  });

  test('a folder where a file should be', async () => {
    const folder = temporary();
    for (const name of ['ae.pt', 'params.npz']) {
      await mkdir(join(folder, name));
      expect(await failureOf(folder)).toContain(`(${name}): it is a folder, not a file`);
      await rmdir(join(folder, name));
    }
  });

  test('a config that is missing or no JSON', async () => {
    const folder = temporary();
    await cp(`${golden}sl-standard/sae_weights.safetensors`, `${folder}/sae_weights.safetensors`);
    expect(await failureOf(folder)).toContain('no cfg.json beside them');
    writeFileSync(`${folder}/cfg.json`, '{"d_in": ');
    expect(await failureOf(folder)).toContain('cfg.json is not valid JSON');
    await cp(`${golden}dl-topk/ae.pt`, `${folder}/ae.pt`);
    expect(await failureOf(`${folder}/ae.pt`)).toContain('only its config.json (trainer.dict_class) can say');
  });

  test.each([
    ['sl-standard', 'sae_weights.safetensors', NaN],
    ['sl-standard', 'sae_weights.safetensors', Infinity],
    ['sp-topk/layers.1', 'sae.safetensors', NaN],
    ['dl-batchtopk', 'ae.pt', NaN],
  ])('%s with %s holding %d', async (name, file, value) => {
    const folder = temporary();
    await cp(golden + name, folder, { recursive: true });
    const bytes = readFileSync(join(folder, file));
    const first = (await loadSae(folder)).tensors.W_dec;
    // The first number of W_dec, wherever it lies.
    const at = bytes.indexOf(Buffer.from(first.data.buffer, first.data.byteOffset, 8));
    bytes.writeFloatLE(value, at);
    writeFileSync(join(folder, file), file.endsWith('.pt') ? withoutSums(bytes) : bytes);
    expect(await failureOf(folder)).toContain(`W_dec holds ${value} (element 0); the file is damaged`);
  });
});
