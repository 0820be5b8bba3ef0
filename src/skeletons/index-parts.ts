// Of a design document, that by which CouchDB tells one index from another.
import { isDeepStrictEqual } from 'node:util'

type Document = Readonly<Record<string, unknown>>

/**
 * `views` (with `views.lib`), `language` and `options` make the signature of an index; two design documents of one
 * database with the same share its files. https://docs.couchdb.org/en/stable/ddocs/views/intro.html
 */
export function indexParts({ views, language, options }: Document): Record<string, unknown> {
  return {
    ...(language === undefined ? {} : { language }),
    ...(views === undefined ? {} : { views }),
    ...(options === undefined ? {} : { options }),
  }
}

/** The name of a view of a JavaScript design document, or null: those of `query` are no views that can be asked. */
export function firstView({ views, language = 'javascript' }: Document): string | null {
  if (language === 'query' || typeof views !== 'object' || views === null) return null
  return Object.keys(views).find((name) => name !== 'lib') ?? null
}

/** True where an index would have to be built anew if `after` took the place of `before`. */
export const needsIndex = (before: Document, after: Document): boolean =>
  firstView(after) !== null && !isDeepStrictEqual(indexParts(before), indexParts(after))

/**
 * Under this id the views of a design document stand while their index is built. It has the daemon's mark and is in no
 * skeleton: whoever brings the database up to date takes it out, after a crash too.
 */
export const warmingId = (id: string): string => id.replace('_design/', '_design/couch-shares-warming-')
