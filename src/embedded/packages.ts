// The only place that loads the optional packages, with the little of their shapes that the embedded server uses.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Database } from './databases.ts'
import type { User } from './user.ts'

export type Json = Record<string, unknown>

export interface Request extends IncomingMessage {
  originalUrl: string
  url: string
  params: Record<string, string | undefined>
  body?: unknown
  /** Who makes it; there from the gate on. */
  user: User
  /** How that was found out, where it is somebody. */
  authenticated?: 'cookie' | 'default'
  /** The database that the user was let into: the next one of its name may have other members. */
  entered?: Database
}
export type Response = ServerResponse
export type Next = (fault?: unknown) => void
export type Handler = (request: Request, response: Response, next: Next) => void
export type FaultHandler = (fault: unknown, request: Request, response: Response, next: Next) => void

type AddRoute = (path: string | string[], ...handlers: Handler[]) => Router
export interface Router extends Handler {
  get: AddRoute
  put: AddRoute
  post: AddRoute
  delete: AddRoute
  all: AddRoute
  use(...handlers: (Handler | FaultHandler)[]): Router
}
export interface Application extends Router {
  disable(setting: string): void
  enable(setting: string): void
}
export interface Express {
  (): Application & RequestListener
  Router(options: { caseSensitive: boolean }): Router
  json(options: { limit: string; strict: boolean; type: () => boolean }): Handler
}

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
  close(): Promise<void>
  destroy(): Promise<unknown>
}
export interface PouchClass {
  new (file: string, options?: Json): Pouch
  defaults(options: Json): PouchClass
  plugin(plugin: unknown): void
  setMaxListeners(count: number): void
  /** Asked by express-pouchdb before each request. */
  allDbs?: (callback?: (fault: unknown, files: string[]) => void) => Promise<string[]>
  /** Where express-pouchdb looks for an open database before it opens one of its own. */
  __dbCacheMap?: Map<string, Pouch>
}
export type ExpressPouchdb = (
  pouch: PouchClass,
  options: { mode: 'custom'; overrideMode: { include: string[] } },
) => Handler

export interface Packages {
  express: Express
  expressPouchdb: ExpressPouchdb
  PouchDB: PouchClass
}

/** Some of the optional packages are not installed. */
export class MissingPackages extends Error {
  readonly names: string[]
  constructor(names: string[]) {
    super(`Missing packages: ${names.join(', ')}`)
    this.names = names
  }
}

/** Loads what the server needs, and the leveldb adapter only for `onDisk`. Throws MissingPackages. */
export async function loadPackages(onDisk: boolean): Promise<Packages> {
  const plugins = [
    onDisk ? 'pouchdb-adapter-leveldb' : 'pouchdb-adapter-memory',
    'pouchdb-mapreduce',
    'pouchdb-find',
  ]
  const wanted = ['express', 'express-pouchdb', 'pouchdb-core', ...plugins]
  const missing: string[] = []
  const loaded = new Map<string, unknown>()
  for (const name of wanted) {
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
  return {
    express: loaded.get('express') as Express,
    expressPouchdb: loaded.get('express-pouchdb') as ExpressPouchdb,
    PouchDB,
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}
