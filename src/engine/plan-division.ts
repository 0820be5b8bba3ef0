// How processes divide the partitions: what one of them takes, and what it gives up, by what it sees of the others.

export interface DivisionFacts {
  /** How this process is called. */
  me: string
  /** The partitions that this process has, in the order in which it took them. */
  mine: readonly number[]
  /** By partition, who has it; null for one that is free: given up, or its holder was silent for long. */
  holders: readonly (string | null)[]
  /** The processes that were heard of lately. */
  live: readonly string[]
}

export interface DivisionPlan {
  take: number[]
  giveUp: number[]
}

/**
 * Everybody gets as many as everybody else, or one more. All processes see the same documents, a moment apart, so that they come
 * to the same division; where they do not, nobody takes what somebody has, and the next look puts it right.
 */
export function planDivision({ me, mine, holders, live }: DivisionFacts): DivisionPlan {
  const counts = new Map([me, ...live].map((one) => [one, 0]))
  for (const holder of holders)
    if (holder !== null && holder !== me) counts.set(holder, (counts.get(holder) ?? 0) + 1)
  counts.set(me, mine.length)
  // One more goes to those who have more already: so the fewest change hands.
  const ranked = [...counts].sort(([one, ones], [other, others]) => others - ones || (one < other ? -1 : 1))
  const rank = ranked.findIndex(([one]) => one === me)
  const wanted = Math.floor(holders.length / ranked.length) + (rank < holders.length % ranked.length ? 1 : 0)
  const free = holders.flatMap((holder, number) =>
    holder === null && !mine.includes(number) ? [number] : [],
  )
  const from = Math.floor((rank * free.length) / ranked.length)
  return {
    // Not all at the same ones.
    take: [...free.slice(from), ...free.slice(0, from)].slice(0, Math.max(0, wanted - mine.length)),
    // What was taken last is at the least cost: the oldest have been worked on for long.
    giveUp: mine.slice(wanted),
  }
}
