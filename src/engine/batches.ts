// Many things in batches, with a rest behind each: what a sweep asks at once is bounded, and others come in between.

export interface BatchOptions {
  /** The most things in a batch. */
  size: number
  /** Once it is aborted, no batch begins. */
  signal: AbortSignal
  /** Awaited behind each batch. */
  rest: () => Promise<void>
}

/** Has the work done on one batch after the other, in the order of the things. */
export async function inBatches<Thing>(
  things: readonly Thing[],
  { size, signal, rest }: BatchOptions,
  work: (batch: readonly Thing[]) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < things.length && !signal.aborted; at += size) {
    await work(things.slice(at, at + size))
    await rest()
  }
}
