// Fields of documents are own ones: `constructor` and `toString` are not there because every object inherits them.

/** Whether the object has this field itself, with whatever value. */
export const hasOwn = (object: object, field: string): boolean =>
  // Not Object.hasOwn, which SpiderMonkey 78 does not have.
  Object.prototype.hasOwnProperty.call(object, field)

/** The field's value, undefined where the object does not have it itself. */
export const own = (object: Readonly<Record<string, unknown>>, field: string): unknown =>
  hasOwn(object, field) ? object[field] : undefined
