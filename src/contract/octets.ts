import * as z from 'zod';

/**
 * Answers in octets: named arrays in one block, as `pack` (base/pack.ts) writes them and `unpack` reads them. Their
 * schemas say what each array is; the OpenAPI document gives them as `x-arrays` beside the octets.
 */

/** How a block of arrays is laid out; it stands in the OpenAPI document. */
export const OCTETS =
  'Named arrays, little-endian: a uint32 header length H and a zero uint32; H bytes of JSON header ' +
  '{name: [type, length]} (type: u8, u16, u32, i32, f32 or f64), padded with spaces; then the arrays in the order of the ' +
  'header, each padded with zeros to a multiple of 8 bytes. NaN: no number. `x-arrays` says what each array holds.';

/** An array of numbers of a type. */
export function array(type: 'u16' | 'u32' | 'f32' | 'f64', description: string) {
  return z.array(z.number().nullable()).meta({ description: `${type}: ${description}` });
}
