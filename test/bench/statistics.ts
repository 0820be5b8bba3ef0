// What many measurements come to: the middle, the spread, and the worst that is not an accident.

/** Fewer measurements say nothing of one in a hundred. */
const ENOUGH_FOR_P99 = 100

export interface Spread {
  median: number
  q1: number
  q3: number
  min: number
  max: number
}

/** How bad it gets. */
export interface Tail {
  /** What 99 of 100 do not exceed; of fewer than 100 measurements it is the largest of all. */
  is: 'p99' | 'maximum'
  value: number
}

export function spread(values: readonly number[]): Spread {
  const at = (part: number): number => quantile(values, part)
  return { median: at(0.5), q1: at(0.25), q3: at(0.75), min: at(0), max: at(1) }
}

/** The value that a part of all, from 0 to 1, does not exceed; between two, in proportion. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  const position = part * (sorted.length - 1)
  const below = sorted[Math.floor(position)] ?? NaN
  const above = sorted[Math.ceil(position)] ?? NaN
  return below + (above - below) * (position % 1)
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** @param enough whether there are as many of what this is compared with, too */
export const tail = (values: readonly number[], enough = hasEnough(values)): Tail =>
  enough ? { is: 'p99', value: quantile(values, 0.99) } : { is: 'maximum', value: quantile(values, 1) }

/** Whether what 99 of 100 do not exceed can be told. */
export const hasEnough = (values: readonly number[]): boolean => values.length >= ENOUGH_FOR_P99
