// The only place that loads the optional packages, with the little of their shapes that the embedded server uses.
export type Json = Record<string, unknown>

export interface PouchChange {
  seq: number
  id: string
  changes: { rev: string }[]
  deleted?: boolean
  doc?: Json
}
export interface PouchWriteResult {
  ok?: boolean
  id?: string
  rev?: string
  error?: boolean
  status?: number
  name?: string
  message?: string
}
export interface PouchInfo {
  doc_count: number
  update_seq: number
}
type BulkDocs = (
  request: { docs: Json[] },
  options: unknown,
  callback: (fault: unknown, result: unknown) => void,
) => void

export interface Pouch {
  _bulkDocs: BulkDocs
  _info(callback: (fault: unknown, info?: PouchInfo) => void): void
  setMaxListeners(count: number): void
  info(): Promise<PouchInfo>
  get(id: string, options?: Json): Promise<Json>
  put(doc: Json): Promise<PouchWriteResult>
  getAttachment(id: string, name: string, options: Json): Promise<Uint8Array>
  allDocs(options: Json): Promise<{ total_rows: number; offset: unknown; rows: Json[] }>
  bulkDocs(request: { docs: Json[] }, options: { new_edits: boolean }): Promise<PouchWriteResult[]>
  revsDiff(revs: Record<string, string[]>): Promise<Record<string, { missing: string[] }>>
  changes(options: Json): Promise<{ results: PouchChange[]; last_seq: number }>
  query(view: string, options: Json): Promise<Json>
  find(request: unknown): Promise<Json>
  explain(request: unknown): Promise<Json>
  getIndexes(): Promise<Json>
  createIndex(request: unknown): Promise<Json>
  deleteIndex(request: Json): Promise<Json>
  compact(): Promise<unknown>
  viewCleanup(): Promise<unknown>
  close(): Promise<void>
  destroy(): Promise<unknown>
}
export interface PouchClass {
  new (file: string, options?: Json): Pouch
  defaults(options: Json): PouchClass
  plugin(plugin: unknown): void
}

/** Some of the optional packages are not installed. */
export class MissingPackages extends Error {
  readonly names: string[]
  constructor(names: string[]) {
    super(`Missing packages: ${names.join(', ')}`)
    this.names = names
  }
}

/** PouchDB with what the server needs, and with the leveldb adapter only for `onDisk`. Throws MissingPackages. */
export async function loadPouch(onDisk: boolean): Promise<PouchClass> {
  const plugins = [
    onDisk ? 'pouchdb-adapter-leveldb' : 'pouchdb-adapter-memory',
    'pouchdb-mapreduce',
    'pouchdb-find',
  ]
  const missing: string[] = []
  const loaded = new Map<string, unknown>()
  for (const name of ['pouchdb-core', ...plugins]) {
    try {
      loaded.set(name, ((await import(name)) as { default: unknown }).default)
    } catch (error) {
      if (!isMissing(error)) throw error
      missing.push(name)
    }
  }
  if (missing.length > 0) throw new MissingPackages(missing)
  const PouchDB = loaded.get('pouchdb-core') as PouchClass
  for (const plugin of plugins) PouchDB.plugin(loaded.get(plugin))
  return PouchDB
}

function isMissing(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}
