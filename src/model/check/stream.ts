import type { LayerValues } from './layer-values.ts';

/**
 * The stream after a part is the stream before it with what the part adds. Side by side attention and MLP add to one stream;
 * where the stream itself is normed (BERT), the MLP adds to its own input.
 */
export function checkStream(at: LayerValues, isNormed: boolean): void {
  const middle = ['hook_resid_pre', 'hook_attn_out'];
  const beforeMlp = isNormed ? ['mlp.hook_in'] : at.has('hook_resid_mid') ? ['hook_resid_mid'] : middle;
  checkSum(at, 'hook_resid_mid', middle);
  checkSum(at, 'hook_resid_post', [...beforeMlp, 'hook_mlp_out']);
}

function checkSum(at: LayerValues, site: string, parts: readonly string[]): void {
  if (![site, ...parts].every((name) => at.has(name))) return;
  for (let position = 0; position < at.positions; position++) {
    const added = parts.map((name) => at.row(name, position));
    at.row(site, position).forEach((value, k) => {
      const sum = {
        value,
        expected: added.reduce((total, part) => total + part[k]!, 0),
        size: added.reduce((total, part) => total + Math.abs(part[k]!), 0),
      };
      at.check(site, `the sum of ${parts.join(' and ')}`, sum);
    });
  }
}
