// A number and what is counted, for sentences: 1 database, 2 databases.

/** @param many for words that have more than an s; of `what`, the last word is the one that changes */
export const counted = (count: number, what: string, many = `${what}s`): string =>
  `${count} ${count === 1 ? what : many}`
