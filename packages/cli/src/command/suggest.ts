/** The nearest known word to a mistyped one. */

/** Number of insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
export function distance(a: string, b: string): number {
  const rows: number[][] = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= b.length; j++) rows[0][j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, rows[i - 2][j - 2] + 1);
      rows[i][j] = d;
    }
  }
  return rows[a.length][b.length];
}

/** The known word that `word` was probably meant to be, or undefined if none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const wanted = word.toLowerCase().replaceAll("-", "_");
  const scored = known
    .map((candidate) => ({ candidate, d: score(wanted, candidate.toLowerCase()) }))
    .sort((a, b) => a.d - b.d);
  const best = scored[0];
  return best !== undefined && best.d <= Math.max(1, Math.floor(wanted.length * 0.4)) ? best.candidate : undefined;
}

/** A beginning counts as near: `lr` for `lr0`, `optim` for `optimizer`. */
function score(word: string, candidate: string): number {
  return word.length >= 2 && candidate.startsWith(word) ? 1 : distance(word, candidate);
}

/** ` Did you mean "epochs"?`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? "" : ` Did you mean "${near}"?`;
}
