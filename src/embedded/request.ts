// What the embedded server's routes are given: a request with what is known of it, and the response that they fill.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Database } from './databases.ts'
import type { User } from './user.ts'

export interface Request extends IncomingMessage {
  url: string
  method: string
  /** Of the path, decoded: see `partsOf`. */
  parts: readonly string[]
  /** What stands in the path where the route has `:name`; `rest` is what stands where it ends with `*`. */
  params: Record<string, string>
  /** What the JSON says, where the route has it read. */
  body?: unknown
  /** Who makes it. */
  user: User
  /** How that was found out, where it is somebody. */
  authenticated?: 'cookie' | 'default'
  /** The database that the user was let into: the next one of its name may have other members. */
  entered?: Database
}

export type Response = ServerResponse

/** What it throws is answered as a fault. */
export type Handler = (request: Request, response: Response) => Promise<void> | void
