// What is gathered of documents that a user has from somewhere: the facts, and the plan that goes with them.
import type { Database } from '../couch/database.ts'
import type { Clock } from '../documents/time.ts'
import type { DocumentFacts, DocumentPlan } from './plan.ts'

/** A database that gives users documents, and takes back what they change: a master of provisioning, or a gateway. */
export interface Source {
  name: string
  database: Database
}

/** Documents of one source: those that are to be planned, and of the others which the user has. */
export interface Gathered {
  source: Source
  facts: DocumentFacts[]
  plan: (facts: DocumentFacts) => DocumentPlan
  /** Of all documents of this source that were asked about: those that the user has as they should be. */
  settled: { id: string; isThere: boolean }[]
}

/** Looks at documents on both sides. @throws {CouchFault} */
export type Gather = (ids: readonly string[], clock: Clock) => Promise<Gathered[]>
