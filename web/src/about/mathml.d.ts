import type { HTMLAttributes } from 'react';

type MathElement = HTMLAttributes<Element>;

// React draws MathML, but its types do not know it.
declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      math: MathElement & { display?: 'block' | 'inline' };
      mfrac: MathElement;
      mi: MathElement;
      mn: MathElement;
      mo: MathElement;
      mrow: MathElement;
      mspace: MathElement & { width?: string };
      msub: MathElement;
      msup: MathElement;
      munder: MathElement;
    }
  }
}
