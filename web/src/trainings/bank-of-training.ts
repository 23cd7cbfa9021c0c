import type { Bank, Training } from '../source/answers.ts';

/** The bank of a study that a training has become: an SAE's is named by its folder, and reads the same site. */
export function bankOfTraining(
  { name, settings }: { readonly name: string; readonly settings: Pick<Training['settings'], 'site'> },
  banks: readonly Pick<Bank, 'name' | 'site'>[],
): string | undefined {
  const wanted = `sae/${name.split('/').at(-1)}`;
  return banks.find((bank) => bank.name === wanted && bank.site === settings.site)?.name;
}
