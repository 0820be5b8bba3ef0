// What the document must hold, and what a write may change of it.
import { eventOf } from './event.ts'
import { isEqual } from './equal.ts'
import { hasOwn, own } from './own.ts'
import { forbidden } from './refusal.ts'
import type { Validator, Write } from './types.ts'

/** CouchDB's bookkeeping, different at every write. `_attachments` and `_deleted` are the writer's doing, and count as fields. */
const BOOKKEEPING = ['_id', '_rev', '_revisions']

export interface Changes {
  /** Whether the document has the field, with whatever value; inherited names such as `constructor` are no fields. */
  has: (field: string) => boolean
  /** Whether the document had the field before; never where there was none. */
  had: (field: string) => boolean
  /** Refuses a document without the field. "Field `x` is required." */
  required: (field: string) => void
  /** Refuses another value than before, and a field that came or went. A creation changes nothing. "Field `x` was modified." */
  unchanged: (field: string) => void
  /**
   * Refuses a document in which a validator says no to its field's value, which is undefined where the field is not there.
   * "Field `x` has invalid value `…`." Where there is no validator, its name is misspelled: "Field `x` has no validator."
   */
  validateFields: (validators: Readonly<Record<string, Validator>>) => void
  /** Refuses further fields, but for the allowed ones. A creation adds none, a deletion adds `_deleted`. "Field `x` was added." */
  restrictAddingFields: (allowed?: readonly string[]) => void
  /** Refuses fewer fields, but for the allowed ones. A deletion removes all that its tombstone does not have. "Field `x` was removed." */
  restrictRemovingFields: (allowed?: readonly string[]) => void
  /** Refuses other values, further and fewer fields, but for the allowed ones. A creation modifies none. "Field `x` was modified." */
  restrictModifyingFields: (allowed?: readonly string[]) => void
}

export function changesOf(write: Write): Changes {
  const { doc } = write
  // What is created over a tombstone is as new as what never was.
  const before = eventOf(write) === 'create' ? null : write.oldDoc

  const has = (field: string): boolean => hasOwn(doc, field)
  const had = (field: string): boolean => before !== null && hasOwn(before, field)
  const unchanged = (field: string): void => {
    if (before !== null && !isEqual(own(before, field), own(doc, field)))
      forbidden(`Field \`${field}\` was modified.`)
  }
  const isRestricted = (field: string, allowed: readonly string[]): boolean =>
    !BOOKKEEPING.includes(field) && !allowed.includes(field)

  return {
    has,
    had,
    required: (field) => {
      if (!has(field)) forbidden(`Field \`${field}\` is required.`)
    },
    unchanged,
    validateFields: (validators) => {
      for (const field of Object.keys(validators)) {
        const value = own(doc, field)
        const validator = validators[field]
        if (typeof validator !== 'function') forbidden(`Field \`${field}\` has no validator.`)
        if (!validator(value, doc))
          forbidden(`Field \`${field}\` has invalid value \`${JSON.stringify(value)}\`.`)
      }
    },
    restrictAddingFields: (allowed = []) => {
      if (before === null) return
      for (const field of Object.keys(doc))
        if (isRestricted(field, allowed) && !had(field)) forbidden(`Field \`${field}\` was added.`)
    },
    restrictRemovingFields: (allowed = []) => {
      if (before === null) return
      for (const field of Object.keys(before))
        if (isRestricted(field, allowed) && !has(field)) forbidden(`Field \`${field}\` was removed.`)
    },
    restrictModifyingFields: (allowed = []) => {
      if (before === null) return
      for (const fields of [doc, before])
        for (const field of Object.keys(fields)) if (isRestricted(field, allowed)) unchanged(field)
    },
  }
}
