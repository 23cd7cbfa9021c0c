/** UTF-16 units segmented at a time: `Intl.Segmenter` needs time quadratic in the length of its text. */
const CHUNK = 32;

const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The extended grapheme clusters of a text, in linear time. */
export function* graphemes(text: string): Generator<string> {
  for (let start = 0, size = CHUNK; start < text.length; ) {
    const chunk = text.slice(start, start + size);
    const atEnd = start + size >= text.length;
    let open = '';
    let done = 0;
    for (const { segment } of SEGMENTER.segment(chunk)) {
      if (open !== '') {
        yield open;
        done += open.length;
      }
      open = segment;
    }
    if (atEnd) {
      yield open;
      return;
    }
    // The last one may go on; where it fills the chunk, it is read anew with the next.
    start += done;
    size = done === 0 ? size * 2 : CHUNK;
  }
}
