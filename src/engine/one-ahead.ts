// Makes what comes next while what came last is still used: reading and judging go on while the one before is written.

/**
 * Gives what another generator gives, in its order, and has it make one more meanwhile. What it throws is thrown when its turn has come;
 * whoever stops before that waits for it to end, and hears nothing of it.
 */
export async function* oneAhead<Item>(items: AsyncGenerator<Item, void>): AsyncGenerator<Item, void> {
  const begin = (): ReturnType<typeof items.next> => {
    const next = items.next()
    next.catch(() => undefined)
    return next
  }
  let next = begin()
  try {
    for (;;) {
      const { done, value } = await next
      if (done === true) return
      next = begin()
      yield value
    }
  } finally {
    await next.catch(() => undefined)
    await items.return()
  }
}
