import type { ProbeAnswer, UnitProbeAnswer } from '../contract/probe-answers.ts';
import type { Placed } from '../explain/place.ts';
import type { Probe, UnitProbe } from '../explain/probe.ts';
import { fourDigits, type Wire } from './wire.ts';

/** What lists say of a feature. */
export type Described = Wire<Pick<ProbeAnswer['firings'][number], 'name' | 'words'>>;
/** Says what a unit's feature is called. */
export type DescribeFeature = (
  bank: string,
  index: number,
  feature: number,
) => Described | Promise<Described>;

/** What is answered of a text. */
export async function probeAnswer(probe: Probe, describe: DescribeFeature): Promise<Wire<ProbeAnswer>> {
  return {
    ...probe,
    firings: await Promise.all(
      probe.firings.map(async ({ bank, index, ...firing }) => ({
        bank,
        index,
        ...(await shown(bank, index, firing, describe)),
      })),
    ),
  };
}

/** What is answered of a unit on a text. */
export async function unitProbeAnswer(
  probe: UnitProbe,
  describe: DescribeFeature,
): Promise<Wire<UnitProbeAnswer>> {
  return {
    ...probe,
    firings: await Promise.all(
      probe.firings.map(({ bank, index, ...firing }) => shown(bank, index, firing, describe)),
    ),
  };
}

interface Found extends Placed {
  readonly position: number;
  readonly activation: number;
  readonly relative: number;
}

/** A firing as answers give it. */
async function shown(
  bank: string,
  index: number,
  { position, activation, relative, feature, distances }: Found,
  describe: DescribeFeature,
) {
  const found = feature === null ? null : await describe(bank, index, feature);
  return {
    position,
    activation: fourDigits(activation),
    relative: fourDigits(relative),
    feature,
    distances: distances.map(fourDigits),
    name: found?.name ?? null,
    words: found?.words ?? [],
  };
}
