// Functions of the shipped skeleton, as the skeleton's reader gives them to CouchDB, to be called in Node.
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { compileFunction } from 'node:vm'
import { MasterPolicy } from '../../../src/provisioning/master-policy.ts'
import { Engine } from '../../../src/functions/validation.ts'
import { readSkeleton } from '../../../src/skeletons/folder.ts'

const SKELETON = fileURLToPath(new URL('../../../skeleton', import.meta.url))

/** The text of a function. @param place in the design document, such as `['views', 'owners', 'map']` */
export async function sourceOf(kind: string, design: string, place: string[]): Promise<string> {
  const documents = (await readSkeleton(SKELETON)).get(kind)?.designDocuments ?? []
  let found: unknown = documents.find(({ _id }) => _id === `_design/${design}`)
  for (const key of place) found = (found as Record<string, unknown> | undefined)?.[key]
  assert(typeof found === 'string', `Expected ${kind} to have ${design}/${place.join('/')}`)
  return found
}

type ViewMap = (doc: Record<string, unknown>) => void

/** A view, which gives the rows that it emits for a document. */
export async function viewOf(
  kind: string,
  view: string,
): Promise<(doc: Record<string, unknown>) => [key: unknown, value: unknown][]> {
  const source = await sourceOf(kind, 'shares', ['views', view, 'map'])
  const rows: [unknown, unknown][] = []
  const compile = compileFunction(`return (${source}\n)`, ['emit']) as (emit: unknown) => ViewMap
  const map = compile((key: unknown, value: unknown) => void rows.push([key, value]))
  return (doc) => {
    map(doc)
    return rows.splice(0)
  }
}

export interface UserContext {
  db: string
  name: string | null
  roles: string[]
}

/** What `_design/write_access` says of a write: null where it lets it pass. */
export type Refusal = { forbidden: string } | { unauthorized: string } | { unavailable: string } | null

/** `_design/write_access` of shares. */
export async function writeAccess(): Promise<
  (newDoc: object, userCtx: UserContext, secObj: object | undefined, oldDoc?: object | null) => Refusal
> {
  const source = await sourceOf('share', 'write_access', ['validate_doc_update'])
  const validate = (compileFunction(`return (${source}\n)`) as () => (...args: unknown[]) => void)()
  return (newDoc, userCtx, secObj, oldDoc = null) => {
    try {
      validate(newDoc, oldDoc, userCtx, secObj)
      return null
    } catch (refusal) {
      if (refusal instanceof Error) throw refusal
      return refusal as Refusal
    }
  }
}

/** The shipped skeleton of a master, as the daemon asks it. */
export async function accessOf(kind: string): Promise<MasterPolicy> {
  const skeleton = await readSkeleton(SKELETON)
  const designs = (name: string) => skeleton.get(name)?.designDocuments ?? []
  return MasterPolicy.of(kind, designs(kind), designs(`${kind}-user`))
}

/** A validation function of the shipped skeleton, as CouchDB runs it. */
export const guardOf = async (kind: string, design: string): Promise<Engine> =>
  new Engine(await sourceOf(kind, design, ['validate_doc_update']))
