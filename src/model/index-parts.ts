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
