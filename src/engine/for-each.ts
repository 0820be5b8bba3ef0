// Work on many things, a few at once, begun in their order.

/** @param work gives false where nothing more is to begin; what is under way is finished */
export async function sideBySide<Thing>(
  things: Iterable<Thing>,
  atOnce: number,
  work: (thing: Thing) => Promise<boolean>,
): Promise<void> {
  const left = things[Symbol.iterator]()
  let goesOn = true
  const worker = async (): Promise<void> => {
    for (let next = left.next(); goesOn && next.done !== true; next = left.next())
      if (!(await work(next.value))) goesOn = false
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
