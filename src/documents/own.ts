// What a record says itself: a share, or an attribute, may be called as something that every object has, `constructor` say.

/** The value under a key of a record's own, or undefined. */
export const own = <Value>(
  record: Readonly<Record<string, Value>> | undefined,
  key: string,
): Value | undefined => (record && Object.hasOwn(record, key) ? record[key] : undefined)
