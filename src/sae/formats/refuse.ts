import { PolysemeError } from '../../errors.ts';
import { normalizesPerInput } from '../config.ts';
import type { Sae } from '../sae.ts';

/** The error of what a format cannot express: `refuse('gated architecture')`. */
export function refuser({ label }: Sae, format: string): (what: string) => never {
  return (what) => {
    throw new PolysemeError(
      `${label} cannot be written in ${format}'s format: it has no ${what}`,
      'unsupported',
    );
  };
}

/** Refuses a transcoder: every format's are only read. */
export function refuseTranscoder({ config, label }: Sae, format: string): void {
  if (!config.transcoder) return;
  throw new PolysemeError(
    `${label} cannot be written in ${format}'s format: transcoders are only read`,
    'unsupported',
  );
}

/** Refuses a skip connection. */
export function refuseSkip({ tensors }: Sae, refuse: (what: string) => never): void {
  if (tensors.W_skip !== undefined) refuse('skip connection (W_skip)');
}

/** Refuses a normalisation that happens at run time. */
export function refuseNormalization({ config }: Sae, refuse: (what: string) => never): void {
  if (normalizesPerInput(config)) refuse(`normalisation of inputs (${config.normalizeActivations})`);
}

/** The note that a format which does not say what its SAEs read leaves the reader with. */
export function siteNotes({ config: { hookName }, label }: Sae, format: string): string[] {
  return hookName === null
    ? []
    : [`${label} reads ${hookName}: ${format}'s files do not say so, note it down`];
}
