import { listedFeature } from '../../answers/listed-feature.ts';
import * as probed from '../../answers/probe-answer.ts';
import type { StudySource } from '../../answers/served-study.ts';
import { probeAnswer, unitProbeAnswer } from '../../contract/probe-answers.ts';
import { probeBody, unitParams, unitProbeBody } from '../../contract/queries.ts';
import type { Explained } from '../../explain/explained.ts';
import { Prober } from '../../explain/probe.ts';
import { type Route, route } from '../route.ts';

export const probeRoutes: readonly Route[] = [
  route({
    path: '/api/probe',
    summary: 'The units that fire most at each token of a text, and with which of their features',
    method: 'post',
    of: 'explain',
    query: probeBody,
    answer: probeAnswer,
    handle: (source, _, { text, ...options }, signal) =>
      source.work(signal, async (explained) => {
        const probe = await proberOf(source.source, explained).probe(text, { ...options, signal });
        return probed.probeAnswer(probe, describer(source.source));
      }),
  }),
  route({
    path: '/api/units/{bank}/{index}/probe',
    summary: "A unit's activation at each token of a text, and the feature of each firing",
    method: 'post',
    of: 'explain',
    params: unitParams,
    query: unitProbeBody,
    answer: unitProbeAnswer,
    handle: (source, { bank, index }, { text }, signal) =>
      source.work(signal, async (explained) => {
        const probe = await proberOf(source.source, explained).unit(text, bank, index, { signal });
        return probed.unitProbeAnswer(probe, describer(source.source));
      }),
  }),
];

const probers = new WeakMap<StudySource, Prober>();

/** The prober of a study at one revision, which keeps what it compiled and read. */
function proberOf(source: StudySource, explained: Explained): Prober {
  const known = probers.get(source);
  if (known !== undefined) return known;
  const prober = new Prober(explained);
  probers.set(source, prober);
  return prober;
}

function describer(source: StudySource): probed.DescribeFeature {
  return (bank, index, feature) => listedFeature(source, source.row(bank, index), feature);
}
