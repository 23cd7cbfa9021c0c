import { listedFeature } from '../../answers/listed-feature.ts';
import { fourDigits } from '../../answers/wire.ts';
import { similarAnswer } from '../../contract/probe-answers.ts';
import { similarQuery, unitParams } from '../../contract/queries.ts';
import { outputDirections } from '../../explain/output-directions.ts';
import { type Route, route } from '../route.ts';

export const similarRoute: Route = route({
  path: '/api/units/{bank}/{index}/similar',
  summary: 'Features of other units that are like one of a unit',
  of: 'explain',
  params: unitParams,
  query: similarQuery,
  answer: similarAnswer,
  async handle(explain, { bank, index }, { feature, by, limit }, signal) {
    const { source, explained } = explain;
    // Complains of a unit that is not there.
    source.row(bank, index);
    const find = async () => {
      const similar = await source.similar((name) => outputDirections(explained, name));
      return similar.of(bank, index, feature, { by, limit });
    };
    const found = await (by === 'output' ? explain.work(signal, find) : explain.answer(find));
    return {
      similar: found.map(({ bank, index, feature, similarity, passage }) => {
        const row = source.row(bank, index);
        const { sizes, stray } = source.shares(row);
        return {
          bank,
          index,
          feature,
          ...listedFeature(source, row, feature),
          sizes,
          stray,
          similarity: fourDigits(similarity),
          passage: { ...passage, activation: fourDigits(passage.activation) },
        };
      }),
    };
  },
});
