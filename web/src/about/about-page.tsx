import { useQuery } from '@tanstack/react-query';
import { Link, useRouteContext } from '@tanstack/react-router';
import { visible } from '../../../src/base/visible.ts';
import { shownModel } from '../../../src/contract/image-grid.ts';
import { column, LISTED } from '../../../src/polysemy/column-lists.ts';
import { source } from '../source/chosen.ts';
import { studyQuery } from '../source/query-options.ts';
import { firstPage } from '../ui/first-page.ts';
import { Failure, Loading } from '../ui/states.tsx';
import { DistanceFormula, EffectiveFormula, EmbeddingFormula, GatedFormula } from './formulas.tsx';

/** The method with its formulas, and what this study was made with. */
export function AboutPage() {
  const { served } = useRouteContext({ from: '__root__' });
  return (
    <main id="main" className="page prose">
      <title>About · Polyseme</title>
      <h1>What is shown, and how it was found</h1>
      <p>
        A neuron, or a latent of a sparse autoencoder, often responds to several unrelated things: it is{' '}
        <em>polysemantic</em>. Polyseme collects the passages in which a unit responds most, finds out which
        of them it responds to for the same reason, and so splits the unit into <em>features</em>.
      </p>

      <h2>Neuron embeddings</h2>
      <p>
        Each example stands for the part of the unit’s input that the unit reads. With the input vector h at
        the example’s token and the unit’s input weights w, its embedding is the element-wise product
      </p>
      <EmbeddingFormula />
      <p>
        whose sum is the pre-activation less the bias. In a gated MLP, where the activation is act(g·h)(u·h),
        it is h times the gradient of the activation:
      </p>
      <GatedFormula />
      <p>
        In a study with the option <em>center: mean</em>, h stands in the product less its mean over the text:
        inputs share a large mean, which makes unrelated ones look alike.
      </p>

      <h2>Distance, tree, features</h2>
      <p>Two examples are near when their embeddings point the same way:</p>
      <DistanceFormula />
      <p>
        Agglomerative clustering joins examples from the nearest on, and the tree keeps the distance of every
        merge. Cut at a threshold, it falls into clusters. The unit’s features are either these (the paper),
        or the best split of the tree: the one whose parts are kept apart most clearly (the largest mean
        silhouette), if clearly enough; else the unit has one feature. The study’s options say which, and how:
        the linkage and the threshold change the number of clusters several-fold. All can be changed on a
        unit’s page.
      </p>
      <p>
        A feature’s words are those that occur around its peaks more often than in the unit’s other features
        and in the whole text (class-based TF-IDF).
      </p>

      <h2>Metrics</h2>
      <dl className="definitions">
        {LISTED.map((name) => (
          <div key={name}>
            <dt>{column(name).title}</dt>
            <dd>
              {column(name).meaning} <span className="muted">{column(name).source}.</span>
            </dd>
          </div>
        ))}
      </dl>
      <p>
        With p the shares of the examples that the parts hold, the effective number of features (or of
        clusters) is
      </p>
      <EffectiveFormula />
      <p>
        A metric without a value, such as a distance where there is only one example, shows as a dash and
        comes last in every order. More examples tend to find more features: compare units with like numbers
        of examples.
      </p>

      {served.study && (
        <>
          <h2>This study</h2>
          <Options />
        </>
      )}

      <h2>Sources</h2>
      <p>
        Alex Foote, <cite>Tackling Polysemanticity with Neuron Embeddings</cite> (2024), arXiv 2411.08166.
        Effective features, largest share, silhouette and the choice of linkage go beyond the paper.
        {source().isSite ? (
          'This is a copy of a study as files; the study itself has all of it as JSON, and what needs its model.'
        ) : (
          <>
            Everything here can be had as JSON: <a href="/openapi.json">the API’s description</a>.
          </>
        )}{' '}
        To the <Link to="/">{served.study ? 'units' : firstPage(served).name}</Link>.
      </p>
    </main>
  );
}

function Options() {
  const { data, error } = useQuery(studyQuery);
  if (error !== null) return <Failure error={error} />;
  if (data === undefined) return <Loading what="the options" />;
  const groups: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['Model', shownModel(data.model)],
    [
      'Data',
      { ...data.data, documents: data.documents, contexts: data.contexts, 'text tokens': data.tokens },
    ],
    ['Options', data.options],
    [
      'Study',
      {
        file: data.name,
        status: data.status,
        examples: data.examples,
        content: data.contentHash,
        'made with': `Polyseme ${data.version}`,
      },
    ],
  ];
  return (
    <div className="options">
      {groups.map(([name, values]) => (
        <section key={name}>
          <h3>{name}</h3>
          <dl>
            {Object.entries(values)
              .filter(([, value]) => value !== null)
              .map(([key, value]) => (
                <div key={key}>
                  <dt>{spaced(key)}</dt>
                  <dd className="num wrap">{visible(display(value))}</dd>
                </div>
              ))}
          </dl>
        </section>
      ))}
      <section>
        <h3>Banks</h3>
        <dl>
          {data.banks.map(({ name, site, units, width }) => (
            <div key={name}>
              <dt>{visible(name)}</dt>
              <dd className="num wrap">
                {units.toLocaleString('en')} units of {width} dimensions at <code>{site}</code>
              </dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  );
}

function spaced(key: string): string {
  return key.replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

function display(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return Number.isInteger(value) ? value.toLocaleString('en') : String(value);
  return Array.isArray(value)
    ? value.join(', ')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
}
