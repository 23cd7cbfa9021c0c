// MathML, which browsers draw by themselves.

const Times = () => <mo>⊙</mo>;

export function EmbeddingFormula() {
  return (
    <math display="block">
      <mi>e</mi>
      <mo>=</mo>
      <mi>h</mi>
      <Times />
      <mi>w</mi>
    </math>
  );
}

export function GatedFormula() {
  return (
    <math display="block">
      <mi>e</mi>
      <mo>=</mo>
      <mi>h</mi>
      <Times />
      <mfrac>
        <mrow>
          <mo>∂</mo>
          <mi>a</mi>
        </mrow>
        <mrow>
          <mo>∂</mo>
          <mi>h</mi>
        </mrow>
      </mfrac>
      <mo>=</mo>
      <mi>h</mi>
      <Times />
      <mo>(</mo>
      <msup>
        <mi>act</mi>
        <mo>′</mo>
      </msup>
      <mo>(</mo>
      <mi>g</mi>
      <mo>·</mo>
      <mi>h</mi>
      <mo>)</mo>
      <mo>(</mo>
      <mi>u</mi>
      <mo>·</mo>
      <mi>h</mi>
      <mo>)</mo>
      <mi>g</mi>
      <mo>+</mo>
      <mi>act</mi>
      <mo>(</mo>
      <mi>g</mi>
      <mo>·</mo>
      <mi>h</mi>
      <mo>)</mo>
      <mi>u</mi>
      <mo>)</mo>
    </math>
  );
}

export function DistanceFormula() {
  const e = (name: string) => (
    <msub>
      <mi>e</mi>
      <mi>{name}</mi>
    </msub>
  );
  const norm = (name: string) => (
    <mrow>
      <mo>‖</mo>
      {e(name)}
      <mo>‖</mo>
    </mrow>
  );
  return (
    <math display="block">
      <msub>
        <mi>D</mi>
        <mrow>
          <mi>a</mi>
          <mi>b</mi>
        </mrow>
      </msub>
      <mo>=</mo>
      <mn>1</mn>
      <mo>−</mo>
      <mfrac>
        <mrow>
          {e('a')}
          <mo>·</mo>
          {e('b')}
        </mrow>
        <mrow>
          {norm('a')}
          {norm('b')}
        </mrow>
      </mfrac>
    </math>
  );
}

export function EffectiveFormula() {
  const p = (
    <msub>
      <mi>p</mi>
      <mi>k</mi>
    </msub>
  );
  return (
    <math display="block">
      <mi>exp</mi>
      <mo>(</mo>
      <mo>−</mo>
      <munder>
        <mo>∑</mo>
        <mi>k</mi>
      </munder>
      {p}
      <mi>ln</mi>
      <mspace width="0.17em" />
      {p}
      <mo>)</mo>
    </math>
  );
}
