// What is running English in the formats documentation comes in. Markup that is not understood is left out.

const commonWords = new Set(
  "the of and to a in is that it for on with as are be this by or an from not can if you will which at when".split(" "),
);
const shortestParagraph = 80;

/** Whether a paragraph reads as English sentences rather than code, tables or lists of names. */
export function isProse(paragraph: string): boolean {
  if (paragraph.length < shortestParagraph || !/^["'(]?[A-Z]/.test(paragraph)) return false;
  const letters = paragraph.match(/[A-Za-z ,.'’]/g)?.length ?? 0;
  if (letters / paragraph.length < 0.92) return false;
  const words = paragraph.toLowerCase().match(/[a-z']+/g) ?? [];
  const common = words.filter((word) => commonWords.has(word)).length;
  return words.length >= 12 && common / words.length > 0.25;
}

function tidyParagraphs(blocks: readonly string[]): string[] {
  return blocks.map((block) => block.replace(/\s+/g, " ").trim()).filter(isProse);
}

export function paragraphsOfText(text: string): string[] {
  return tidyParagraphs(text.split(/\n\s*\n/));
}

export function paragraphsOfMarkdown(text: string): string[] {
  const prose = text
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, "\n\n") // Code.
    .replace(/^---\n[\s\S]*?\n---\n/, "") // Front matter.
    .replace(/<!--[\s\S]*?-->|<[^>\n]+>/g, " ")
    .replace(/!\[[^\]]*\]\([^)]*\)/g, " ")
    .replace(/\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])/g, "$1")
    .replace(/^(#{1,6} .*|\s*[-*+|>].*|\s*\d+[.)] .*| {4,}.*|\t.*)$/gm, "\n")
    .replace(/[`*_]{1,3}/g, "");
  return paragraphsOfText(prose);
}

/** Perl's documentation format: prose is what stands between commands, unindented. */
export function paragraphsOfPod(text: string): string[] {
  let inPod = false;
  const blocks: string[] = [];
  for (const block of text.split(/\n\s*\n/)) {
    if (block.startsWith("=")) inPod = !block.startsWith("=cut");
    else if (inPod && !/^\s/.test(block)) blocks.push(withoutPodCodes(block));
  }
  return tidyParagraphs(blocks);
}

function withoutPodCodes(block: string): string {
  return block.replace(/[A-Z]<+\s?([^<>|]*)(\|[^<>]*)?\s?>+/g, "$1").replace(/[A-Z]<([^<>]*)>/g, "$1");
}

/** A manual page: macros part paragraphs, their text and font changes are kept, tables and examples are not. */
export function paragraphsOfManual(text: string): string[] {
  const prose = text
    .replace(/^\.(nf|EX|TS|de|ig|Bd)\b[\s\S]*?^\.(fi|EE|TE|\.|Ed)\b/gm, "\n\n")
    .replace(/^[.'](B|I|BR|IR|BI|RB|RI|IB|Nm|Ar|Fl|Em|Sy|Xr) (.*)$/gm, (_, __, words: string) =>
      words.replace(/"/g, ""),
    )
    .replace(/^[.'].*$/gm, "\n")
    .replace(/\\f\[?[A-Z0-9]{1,2}\]?|\\f\(..|\\[&,/|^%)]|\\s[-+]?\d/g, "")
    .replace(/\\\(aq|\\\(cq|\\\[aq\]/g, "'")
    .replace(/\\\(l?[hq]y|\\-/g, "-")
    .replace(/\\[(*]..|\\\[[^\]]*\]|\\./g, " ");
  return paragraphsOfText(prose);
}
