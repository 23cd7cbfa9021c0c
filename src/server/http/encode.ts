import { pack } from '../../base/pack.ts';
import type { Route } from '../route.ts';
import { toJson } from './json-writer.ts';

type Packed = Parameters<typeof pack>[0];
type Encoded = Pick<Route, 'octets' | 'png'>;

/** An answer as it goes over HTTP. */
export function encode(route: Encoded, answer: unknown): Buffer<ArrayBuffer> {
  if (route.png) return Buffer.from(answer as Uint8Array);
  return route.octets ? Buffer.from(pack(answer as Packed).buffer) : toJson(answer);
}

/** Its content type. */
export function contentType({ png, octets }: Encoded): string {
  return png ? 'image/png' : octets ? 'application/octet-stream' : 'application/json';
}
