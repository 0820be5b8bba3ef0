// Asks a running daemon for its health: what `couch-shares health` does, so that an image needs no curl.
import { get } from 'node:http'

/**
 * True where `url` (http) answers 200. Anything else, no answer within `timeoutMs` too, is false; it never rejects.
 */
export const probe = (url: string, timeoutMs = 3_000): Promise<boolean> =>
  new Promise((resolve) => {
    try {
      get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
        response.destroy()
        resolve(response.statusCode === 200)
      }).on('error', () => resolve(false))
    } catch {
      resolve(false)
    }
  })
