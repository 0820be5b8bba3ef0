// Which users a process works for, where several processes divide them: a fixed number of partitions, and each user in one of them.
import { createHash } from 'node:crypto'

/** Bytes of a hash that make a number exactly. */
const BYTES = 6

/**
 * The partition of a user. It says who does the work, and nothing of what is right: two processes that take the same
 * user for theirs do no harm.
 * @param user whatever a lane is called by: the `{id}` of a user database, or a name of `_users`
 * @param of how many partitions there are
 * @returns a number from 0 on
 */
export const partitionOf = (user: string, of: number): number =>
  createHash('sha256').update(user, 'utf8').digest().readUIntBE(0, BYTES) % of

/** Some of the partitions. */
export interface Portion {
  /** How many there are in all. */
  of: number
  /** Which of them, in order. */
  numbers: readonly number[]
  /** Whether a user, or whatever else has a lane, is in one of them. */
  has: (user: string) => boolean
  /** Whether what is done once for all users is done here: whoever has partition 0 does it. */
  isFirst: boolean
  /** There is one partition: nothing is divided. */
  isWhole: boolean
}

/** @param numbers from 0 on @param of how many there are in all */
export function portionOf(numbers: Iterable<number>, of: number): Portion {
  const own = new Set(numbers)
  return {
    of,
    numbers: [...own].sort((one, other) => one - other),
    has: of === 1 ? () => true : (user) => own.has(partitionOf(user, of)),
    isFirst: own.has(0),
    isWhole: of === 1,
  }
}

/** All users: nothing is divided. */
export const WHOLE: Portion = portionOf([0], 1)

/** Its partitions, each by itself: where each was read to is noted by itself, as each may go to another process. */
export const partsOf = ({ numbers, of }: Portion): Portion[] =>
  numbers.map((number) => portionOf([number], of))

/** For names of documents and for people; empty where nothing is divided. */
export const nameOfPortion = ({ numbers, of, isWhole }: Portion): string =>
  isWhole ? '' : `${numbers.join(',')}/${of}`
