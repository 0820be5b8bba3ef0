// What the skeleton of a master says of documents and users, asked by the daemon itself: see docs/provisioning.md.
import { encodeJson } from '../documents/json.ts'
import { designDocumentHash, type DesignDocument } from '../skeletons/design.ts'
import { digestOf } from '../documents/digest.ts'
import { isText } from '../documents/shapes.ts'
import { DesignFunction, type Manner } from '../functions/design-function.ts'

/** Somebody who may have documents of a master: a user of `_users`. */
export interface User {
  name: string
  roles: readonly string[]
}

/** A skeleton that cannot be used; `place` is the attribute of a design document that is wrong. */
export class MasterPolicyError extends Error {
  readonly kind: string
  readonly place: string
  constructor(kind: string, place: string, problem: string) {
    super(`skeleton of ${kind}: ${place}: ${problem}`)
    this.name = 'MasterPolicyError'
    this.kind = kind
    this.place = place
  }
}

/** What filters find in `req.query`, for the `query_params` of replications too. */
export const queryOf = ({ name, roles }: User): { name: string; roles: string } => ({
  name,
  roles: JSON.stringify(roles),
})

/** CouchDB's request object, as far as filters have it here. https://docs.couchdb.org/en/stable/json-structure.html#request-object */
const requestOf = (user: User): string => JSON.stringify({ query: queryOf(user) })

/** The attribute of a design document, undefined where it or what it is in is not there. */
function attributeAt(design: Record<string, unknown>, place: string): unknown {
  let found: unknown = design
  for (const name of place.split('.'))
    found = Object.hasOwn(Object(found) as object, name)
      ? (found as Record<string, unknown>)[name]
      : undefined
  return found
}

interface Part {
  design: DesignDocument
  place: string
  text: string
  call: DesignFunction
}

/**
 * What a master's skeleton says of documents and users. Where a function fails (it throws, takes longer than a second, or
 * gives what it may not) nobody gets anything by it: see `failure`.
 */
export class MasterPolicy {
  /** The name of the design document with `filters.from`: `<design>/from` is the filter. */
  readonly design: string
  /** Where not null, the master is read-only, and users get only these attributes. */
  readonly fields: readonly string[] | null
  /** Equal where all functions and fields are equal. */
  readonly hash: string
  readonly #from: Part
  readonly #roles: Part
  readonly #selector: Part | null
  readonly #to: Part | null

  private constructor(
    parts: { from: Part; roles: Part; selector: Part | null; to: Part | null },
    fields: readonly string[] | null,
  ) {
    this.#from = parts.from
    this.#roles = parts.roles
    this.#selector = parts.selector
    this.#to = parts.to
    this.fields = fields
    this.design = parts.from.design._id.slice('_design/'.length)
    this.hash = digestOf([fields, ...Object.values(parts).map(contentOf)])
  }

  /**
   * @param designs those of the kind `<kind>`, a master
   * @param userDesigns those of the kind `<kind>-user`, which the personal databases have
   * @throws {MasterPolicyError} where there is not exactly one design document with `filters.from`, no `views.roles.map` in it, more
   *   than one `filters.to`, a function that cannot be evaluated, or fields that are no list of names
   */
  static of(
    kind: string,
    designs: readonly DesignDocument[],
    userDesigns: readonly DesignDocument[],
  ): MasterPolicy {
    const part = (design: DesignDocument, place: string, manner: Manner): Part => {
      const { language = 'javascript' } = design
      if (language !== 'javascript')
        throw new MasterPolicyError(
          kind,
          place,
          `expected the language javascript, got ${JSON.stringify(language)}`,
        )
      const text = attributeAt(design, place)
      if (typeof text !== 'string') throw new MasterPolicyError(kind, place, 'expected a function')
      try {
        return { design, place, text, call: new DesignFunction(manner, text, design) }
      } catch (error) {
        throw new MasterPolicyError(kind, place, String((error as Error | null)?.message ?? error))
      }
    }
    const withFilter = (among: readonly DesignDocument[], name: string): DesignDocument[] =>
      among.filter((design) => attributeAt(design, `filters.${name}`) !== undefined)

    const [master, ...moreMasters] = withFilter(designs, 'from')
    if (master === undefined || moreMasters.length > 0)
      throw new MasterPolicyError(
        kind,
        'filters.from',
        `expected one design document with it, found ${moreMasters.length + (master === undefined ? 0 : 1)}`,
      )
    const [user, ...moreUsers] = withFilter(userDesigns, 'to')
    if (moreUsers.length > 0)
      throw new MasterPolicyError(
        `${kind}-user`,
        'filters.to',
        `expected one design document with it at the most, found ${moreUsers.length + 1}`,
      )

    return new MasterPolicy(
      {
        from: part(master, 'filters.from', 'filter'),
        roles: part(master, 'views.roles.map', 'map'),
        selector:
          attributeAt(master, 'selectors.from') === undefined
            ? null
            : part(master, 'selectors.from', 'selector'),
        to: user === undefined ? null : part(user, 'filters.to', 'filter'),
      },
      fieldsOf(kind, master['fields']),
    )
  }

  /** How the first function that ever failed did so last, for the log; null where none did. Kept for good. */
  get failure(): string | null {
    for (const part of [this.#from, this.#roles, this.#selector, this.#to])
      if (part !== null && part.call.failure !== null) return `${part.place}: ${part.call.failure}`
    return null
  }

  /** May the user have the document? `from`; false where it fails. */
  mayRead(doc: object, user: User): boolean {
    return this.mayReadEach([doc], user)[0] === true
  }

  /** The same for many documents: ten times as fast. */
  mayReadEach(docs: readonly object[], user: User): boolean[] {
    return this.decideEach(docs, user).map((verdict) => verdict === true)
  }

  /** What `from` says; null where it fails: who has a document is not to lose it by that. */
  decide(doc: object, user: User): boolean | null {
    return this.decideEach([doc], user)[0] ?? null
  }

  /** The same for many documents: ten times as fast. */
  decideEach(docs: readonly object[], user: User): (boolean | null)[] {
    const request = requestOf(user)
    return ask(
      this.#from,
      docs.map((doc) => [encodeJson(doc), request]),
    )
  }

  /** The same for many users. */
  whoMayRead(doc: object, users: readonly User[]): boolean[] {
    const text = encodeJson(doc)
    return askStrictly(
      this.#from,
      users.map((user) => [text, requestOf(user)]),
    )
  }

  /** May this change of the user go to the master? `to`; true where there is none, false where it fails. */
  mayWrite(doc: object, user: User): boolean {
    return this.mayWriteEach([doc], user)[0] === true
  }

  /** The same for many changes. */
  mayWriteEach(docs: readonly object[], user: User): boolean[] {
    if (this.#to === null) return docs.map(() => true)
    const request = requestOf(user)
    return askStrictly(
      this.#to,
      docs.map((doc) => [encodeJson(doc), request]),
    )
  }

  /**
   * The roles that may give access to the document: keys that `views.roles.map` emits and that are texts, each once, sorted
   * by code unit; none where it fails.
   */
  rolesOf(doc: object): string[] {
    return this.rolesOfEach([doc])[0] ?? []
  }

  /** The same for many documents. */
  rolesOfEach(docs: readonly object[]): string[][] {
    return this.#roles.call.ask(docs.map((doc) => `[${encodeJson(doc)}]`)).map((answer) => {
      const keys = parsed(answer)
      if (!Array.isArray(keys)) return []
      return [...new Set(keys.filter(isText))].sort()
    })
  }

  /** The Mango selector of what the user may have; null where the skeleton has none, or none that can be used. */
  selector(user: User): object | null {
    const [answer = null] = this.#selector?.call.ask([JSON.stringify([user.roles, user.name])]) ?? []
    const selector = parsed(answer)
    return typeof selector === 'object' && !Array.isArray(selector) ? selector : null
  }
}

/** Asks a filter; null where it fails. @param calls the JSON texts of a document and a request */
const ask = (filter: Part, calls: readonly [doc: string, request: string][]): (boolean | null)[] =>
  filter.call
    .ask(calls.map((call) => `[${call.join()}]`))
    .map((answer) => (answer === null ? null : answer === '1'))

const askStrictly = (...asked: Parameters<typeof ask>): boolean[] =>
  ask(...asked).map((verdict) => verdict === true)

/** What a function's answers come of: its text, and where that may ask for modules all of its design document. */
function contentOf(part: Part | null): unknown {
  if (part === null) return null
  return part.text.includes('require') ? [part.text, designDocumentHash(part.design)] : [part.text]
}

function fieldsOf(kind: string, fields: unknown): readonly string[] | null {
  if (fields === undefined) return null
  const isName = (field: unknown): field is string =>
    typeof field === 'string' && field !== '' && !field.startsWith('_')
  if (!Array.isArray(fields) || !fields.every(isName))
    throw new MasterPolicyError(kind, 'fields', 'expected a list of attributes, none of which begins with _')
  return Object.freeze([...new Set(fields)])
}

/** What a function made of the realm it may also have made of the text that comes out. */
function parsed(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text)
  } catch {
    return null
  }
}
