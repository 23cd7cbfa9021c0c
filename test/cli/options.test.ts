import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { addOptions } from '../../src/cli/options.ts';

/** The options that a command line gives under a shape, or the error that it ends with. */
function parsed(shape: Record<string, z.ZodType>, ...words: string[]): unknown {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addOptions(command, shape);
  try {
    return command.parse(words, { from: 'user' }).opts();
  } catch (error) {
    return (error as Error).message;
  }
}

const about = (text: object = {}) => ({ description: 'about', ...text });

describe('an option is what its schema says', () => {
  const count = { layersAtOnce: z.int().min(1).max(9).optional().meta(about()) };
  test('a whole number within its bounds, under its name with dashes', () => {
    expect(parsed(count)).toEqual({});
    expect(parsed(count, '--layers-at-once', '3')).toEqual({ layersAtOnce: 3 });
    for (const wrong of ['0', '10', '1.5', 'x', '', '0x1', '1e999']) {
      expect(parsed(count, '--layers-at-once', wrong), wrong).toMatch(
        /It must be a whole number of at least 1 and at most 9\./,
      );
    }
  });

  test('a number above a bound; its default', () => {
    const shape = { share: z.number().gt(0).max(1).default(0.75).meta(about()) };
    expect(parsed(shape)).toEqual({ share: 0.75 });
    expect(parsed(shape, '--share', '.5')).toEqual({ share: 0.5 });
    expect(parsed(shape, '--share', '0')).toMatch(/It must be a number above 0 and at most 1\./);
  });

  test('one of several words', () => {
    const shape = { bos: z.enum(['auto', 'no']).default('auto').meta(about()) };
    expect(parsed(shape, '--bos', 'no')).toEqual({ bos: 'no' });
    expect(parsed(shape, '--bos', 'yes')).toMatch(/Allowed choices are auto, no\./);
  });

  test('a switch; one that is on by default is switched off', () => {
    const shape = {
      json: z.boolean().default(false).meta(about()),
      scale: z.boolean().default(true).meta(about()),
    };
    expect(parsed(shape)).toEqual({ scale: true });
    expect(parsed(shape, '--json', '--no-scale')).toEqual({ json: true, scale: false });
    expect(parsed(shape, '--scale')).toMatch(/unknown option/);
  });

  test('a list of numbers with commas between; texts, one per option', () => {
    const shape = {
      k: z.array(z.number().gt(0)).optional().meta(about()),
      sae: z.array(z.string()).optional().meta(about()),
    };
    expect(parsed(shape, '--k', '4,8', '--sae', 'a', '--sae', 'b,c')).toEqual({
      k: [4, 8],
      sae: ['a', 'b,c'],
    });
    expect(parsed(shape, '--k', '4,,8')).toMatch(/a number above 0, or several with commas between/);
    expect(parsed(shape, '--k', '0')).toMatch(/a number above 0/);
  });

  test('a flag of another name keeps the key; what must be given', () => {
    const shape = { learningRate: z.number().meta(about({ flag: 'lr' })) };
    expect(parsed(shape, '--lr', '1e-3')).toEqual({ learningRate: 1e-3 });
    expect(parsed(shape)).toMatch(/required option '--lr <N>' not specified/);
  });

  test('without a description it is refused', () => {
    expect(() => addOptions(new Command(), { x: z.string() })).toThrow(/x has no description/);
  });
});
