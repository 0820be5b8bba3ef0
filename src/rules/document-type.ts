// The convention of CCNQ4 for ids: `<type>:<key>`, repeated in the document as `type` and in a field named after the type.
import { own } from './own.ts'
import { forbidden } from './refusal.ts'
import type { Write } from './types.ts'

export interface DocumentType {
  /**
   * Whether the `_id` begins with `_`; false without an `_id`. CouchDB lets only admins write design documents, and asks no
   * validation function about them: there this is always false.
   */
  isDesign: boolean
  /** The part of the `_id` before the first colon, of letters, digits and `_`; undefined where it is not `<type>:<key>`. */
  type: string | undefined
  /** The part of the `_id` behind that colon. */
  key: string | undefined
  /**
   * Refuses what does not follow the convention, tombstones too: rules that allow deletions look at `event` first.
   * @returns the type; for `number` it is `local-number` where the key has an @, else `global-number`
   */
  validateType: () => string
}

export function documentTypeOf({ doc }: Write): DocumentType {
  const id = doc._id ?? ''
  const [, type, key] = /^(\w+):(.+)$/.exec(id) ?? []
  return {
    isDesign: id.charAt(0) === '_',
    type,
    key,
    validateType: () => {
      if (type === undefined || key === undefined) return forbidden('`_id` must be <type>:<key>')
      if (own(doc, 'type') !== type) forbidden('Missing or invalid `type` field.')
      if (own(doc, type) !== key) forbidden(`Field \`${type}\` must contain \`${key}\`.`)
      if (type !== 'number') return type
      return key.includes('@') ? 'local-number' : 'global-number'
    },
  }
}
