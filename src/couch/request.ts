// What is asked of a server: requests, uploads and streams.
import type { Readable } from 'node:stream'

export interface Request {
  method?: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Segments of the path, each encoded here. */
  path: string[]
  query?: Record<string, string | number | boolean | undefined>
  body?: unknown
  signal?: AbortSignal
  timeoutMs?: number
  /** An answer with more bytes than this fails as `answer_too_large` before it fills the memory. */
  mostBytes?: number
}

/** A body that is sent as it comes. */
export interface Flow {
  body: AsyncIterable<Uint8Array>
  contentType: string
}

export interface Upload extends Pick<Request, 'path' | 'query'> {
  method: 'PUT'
  /**
   * Called for each try.
   * @param signal aborted when the try is over: what is read for it ends then
   */
  open: (signal: AbortSignal) => Flow | Promise<Flow>
}

/** What is read as it comes. */
export interface Opened extends Request {
  accept?: string
  acceptEncoding?: string
  /** It goes into an upload, and is open for as long as that takes. */
  isHandedOn?: boolean
}

/** Who sends it. All of them throw a CouchFault. */
export interface Requester {
  /** Sends a request and gives the parsed answer. */
  request<T>(request: Request): Promise<T>
  /** Sends a body as it comes. */
  upload<T>(upload: Upload): Promise<T>
  /** Opens a stream of the answer's bytes. */
  stream(request: Opened): Promise<Readable>
  /** The same, with the type of what comes. */
  open(request: Opened): Promise<{ body: Readable; contentType: string }>
}
