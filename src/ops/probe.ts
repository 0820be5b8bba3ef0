// Asks a running daemon for its health: what `couch-shares health` does, so that an image needs no curl.
import { get } from 'node:http'

/**
 * Null where `url` (http) answers 200, else what is wrong, for the end of a sentence: also that there is no answer within
 * `timeoutMs`. It never rejects.
 */
export const probe = (url: string, timeoutMs = 3_000): Promise<string | null> =>
  new Promise((resolve) => {
    try {
      get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
        response.destroy()
        resolve(response.statusCode === 200 ? null : `it answers with status ${response.statusCode}`)
      }).on('error', ({ name, message }) =>
        resolve(name === 'AbortError' ? `no answer within ${timeoutMs} ms` : message),
      )
    } catch (error) {
      resolve((error as Error).message)
    }
  })
