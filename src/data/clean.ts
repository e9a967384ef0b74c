/*
 * Control characters (category Cc), except tab and line ends. BERT's normaliser drops the same ones, so dropping them
 * here changes no token; they are dropped early because a stray NUL or form feed would make a word look new.
 */
const CONTROL = /[^\P{Cc}\t\n\r]/gu;
const SPACES = /[ \t]{2,}|\t/g;

/**
 * Tidies a line: control characters go, runs of spaces and tabs become one space, the ends are trimmed of them.
 *
 * Nothing else is touched. In particular text is not brought to NFC: a cased BERT tokenizer gives other ids for composed
 * than for decomposed letters, and a token must be what the reference tokenizer makes of the line as it stands.
 */
export function cleanLine(line: string): string {
  let text = line;
  if (text.search(CONTROL) >= 0) text = text.replace(CONTROL, "");
  if (text.search(SPACES) >= 0) text = text.replace(SPACES, " ");
  return text.startsWith(" ") || text.endsWith(" ") ? text.replace(/^ +| +$/g, "") : text;
}
