// Joe shares `a` in `x`; Ann and Bob take part. What they do, said shortly.
import { Participants, type Action, type Wish } from './participants.ts'

export const [JOE, ANN, BOB] = [0, 1, 2] as const
export const edit = (user: number, object: string, set: string[], drop: string[] = []): Action => ({
  ...{ kind: 'edit', user, object, set, drop, clock: { kind: 'none' } },
})
export const wish = (user: number, object: string, value: Wish = true): Action => ({
  ...{ kind: 'wish', user, object, share: 'x', wish: value },
})
export const remove = (user: number, object: string): Action => ({ kind: 'remove', user, object })

/** All has settled. @param bob writes as Ann does, reads; or nobody but Joe writes @param readers who may read, whoever writes */
export async function threePeople(
  readers: number[],
  bob: 'write' | 'read' | null = 'write',
  shown: Wish = true,
): Promise<Participants> {
  const people = await Participants.create({ users: 3 })
  const access = { read: readers, write: bob === null ? [] : bob === 'write' ? [ANN, BOB] : [ANN] }
  for (const one of [
    { kind: 'access', share: 'x', access } as const,
    { kind: 'subscribe', user: ANN, share: 'x' } as const,
    { kind: 'subscribe', user: BOB, share: 'x' } as const,
    edit(JOE, 'a', ['name', 'note']),
    wish(JOE, 'a', shown),
  ])
    people.act(one)
  await people.world.settle()
  return people
}
