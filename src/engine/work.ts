// What there may be to do for a key while it waits: every part of it can be said twice, and says how both become one.

/** How one part of the work is united. Neither value is changed; a missing one says nothing. */
export interface Part<Value> {
  unite: (one: Value | undefined, other: Value | undefined) => Value | undefined
  /** Whether so much is named that it is better to do `instead`, which stands for all of it. */
  isTooMuch?: (value: Value) => boolean
  /** Another part, a flag. */
  instead?: string
}

/** Too much to be named one by one: so many, and the flag that says *all* in their place. */
export interface Limit {
  most: number
  instead: string
}

/** The work that parts describe: nothing has to be said of any of them. */
export type WorkOf<P> = {
  [Name in keyof P]?: (P[Name] extends Part<infer Value> ? Value : never) | undefined
}

/** To be done where either says so. */
export const flag: Part<boolean> = { unite: (one, other) => one === true || other === true }

/** Both names' worth. @param limit where there may be very many */
export const set = <Value = string>(limit?: Limit): Part<ReadonlySet<Value>> => ({
  unite: (one, other) => new Set([...(one ?? []), ...(other ?? [])]),
  ...(limit && { instead: limit.instead, isTooMuch: ({ size }: ReadonlySet<Value>) => size > limit.most }),
})

/** Sets by name; the limit is for all of them together. */
export const setMap = (limit?: Limit): Part<ReadonlyMap<string, ReadonlySet<string>>> => ({
  unite: (one, other) =>
    new Map(
      [...(one?.keys() ?? []), ...(other?.keys() ?? [])].map((name) => [
        name,
        new Set([...(one?.get(name) ?? []), ...(other?.get(name) ?? [])]),
      ]),
    ),
  ...(limit && {
    instead: limit.instead,
    isTooMuch: (sets: ReadonlyMap<string, ReadonlySet<string>>) =>
      [...sets.values()].reduce((sum, { size }) => sum + size, 0) > limit.most,
  }),
})

/** Values by name: of each, what was said last. */
export const lastOfEach = <Value>(): Part<ReadonlyMap<string, Value>> => ({
  unite: (one, other) => new Map([...(one ?? []), ...(other ?? [])]),
})

/** What was said last. */
export const last = <Value>(): Part<Value> => ({ unite: (one, other) => other ?? one })

/** The later of two times. */
export const latest: Part<number> = {
  unite: (one, other) => (one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)),
}

/**
 * How two pieces of work become one that says what either says.
 * @param parts by name; the type of the work is `WorkOf` of them
 */
export function defineWork<const P extends object>(
  parts: P,
): (one: WorkOf<P>, other: WorkOf<P>) => WorkOf<P> {
  const all = Object.entries<Part<unknown>>(parts as Record<string, Part<unknown>>)
  return (one, other) => {
    const [mine, others] = [one, other] as Record<string, unknown>[]
    const united: Record<string, unknown> = {}
    for (const [name, part] of all) {
      const value = part.unite(mine?.[name], others?.[name])
      if (value !== undefined) united[name] = value
    }
    for (const [name, { instead, isTooMuch, unite }] of all) {
      if (instead === undefined) continue
      united[instead] ||= isTooMuch?.(united[name]) === true
      if (united[instead] === true) united[name] = unite(undefined, undefined)
    }
    return united as WorkOf<P>
  }
}
