import type { Example, Unit } from '../source/answers.ts';
import { ExampleRow } from './example.tsx';
import { ImageExamples } from './image-examples.tsx';
import type { Pictures } from './use-central-embeddings.ts';

/** Examples as rows of passages, or as images. */
export function FeatureExamples({
  unit,
  pictures,
  examples,
  central,
  stray,
  scale,
  openExample,
  documentName,
  onToggle,
}: {
  unit: Unit;
  /** How they are drawn; null of text. */
  pictures: Pictures | null;
  examples: readonly Example[];
  /** Id of the one that is marked as the most typical; null: none is. */
  central: number | null;
  stray: ReadonlySet<number>;
  /** Activation that has the deepest colour. */
  scale: number;
  openExample: number | undefined;
  /** What a document is called beside a passage; null where there is but one. */
  documentName: ((name: string) => string) | null;
  onToggle: (example: number, open: boolean) => void;
}) {
  if (pictures !== null) {
    return (
      <ImageExamples
        unit={unit}
        pictures={pictures}
        examples={examples}
        central={central}
        stray={stray}
        openExample={openExample}
        onToggle={onToggle}
      />
    );
  }
  return (
    <ol>
      {examples.map((example) => (
        <ExampleRow
          key={example.id}
          example={example}
          scale={scale}
          central={example.id === central}
          stray={stray.has(example.id)}
          open={openExample === example.id}
          onToggle={onToggle}
          shownName={documentName?.(example.document) ?? null}
          unitName={`${unit.bank}/${unit.index}`}
        />
      ))}
    </ol>
  );
}
