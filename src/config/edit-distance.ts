// How far apart two words are, for saying which one was probably meant.

/** The fewest letters to put in, take out or exchange: https://en.wikipedia.org/wiki/Levenshtein_distance */
export function editDistance(one: string, other: string): number {
  const letters = [...other]
  let above = [0, ...letters.map((_, at) => at + 1)]
  for (const [row, letter] of [...one].entries()) {
    const line = [row + 1]
    for (const [at, theirs] of letters.entries())
      line.push(
        Math.min(
          (above[at + 1] ?? 0) + 1,
          (line[at] ?? 0) + 1,
          (above[at] ?? 0) + (letter === theirs ? 0 : 1),
        ),
      )
    above = line
  }
  return above[letters.length] ?? 0
}

/** The word nearest to `text`, where it is no further than `most`; of two that are as near, the first. */
export function nearest(text: string, words: readonly string[], most: number): string | null {
  const near = words
    .filter((word) => Math.abs(word.length - text.length) <= most)
    .map((word) => ({ word, distance: editDistance(text, word) }))
    .filter(({ distance }) => distance <= most)
    .sort((one, other) => one.distance - other.distance)
  return near[0]?.word ?? null
}
