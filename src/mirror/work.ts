// What users' work that goes by documents has in common.
import type { Limit } from '../engine/work.ts'

/** So many documents are named; where there are more all are compared. Ten thousand users may wait at once. */
export const NAMED: Limit & { instead: 'all' } = { most: 500, instead: 'all' }
