// Where the attachments of a share's documents may be read.
import type { Database } from '../../couch/database.ts'
import { shareDatabase } from '../../documents/names.ts'
import type { Source } from '../plan/object-facts.ts'
import type { Deps } from '../deps.ts'
import type { Place } from '../../couch/with-attachments.ts'

/** @param user where the object itself is */
export const placesOf = (
  { couch }: Pick<Deps, 'couch'>,
  user: Database,
  sources: readonly Source[],
): Place[] =>
  sources.map(({ share, leaf }) => ({
    database: share === null ? user : couch.database(shareDatabase(share)),
    leaf,
  }))
