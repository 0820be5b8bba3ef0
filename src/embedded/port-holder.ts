// Who listens at the port that the embedded server is to have: mostly the CouchDB that was meant.
import { VENDOR } from './server-routes.ts'

const PATIENCE_MS = 1_000

/** Null: no CouchDB. It never rejects. */
export async function whoListens(url: string): Promise<'couchdb' | 'embedded' | null> {
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(PATIENCE_MS) })
    const said = (await answer.json()) as { couchdb?: unknown; vendor?: { name?: unknown } } | null
    if (said?.vendor?.name === VENDOR) return 'embedded'
    // A CouchDB that lets nobody in without a login says so in its own words, under its own name.
    const isCouchdb =
      typeof said?.couchdb === 'string' || /^CouchDB\//.test(answer.headers.get('server') ?? '')
    return isCouchdb ? 'couchdb' : null
  } catch {
    return null
  }
}

/** What to tell whoever wanted the port. */
export async function sayTaken(port: number, host: string): Promise<string> {
  const url = `http://${host}:${port}`
  switch (await whoListens(`${url}/`)) {
    case 'couchdb':
      return `Port ${port} is taken by a CouchDB. To use that one, set HOODIE_SERVER=${url}, with HOODIE_ADMIN_USER and HOODIE_ADMIN_PASS; for an embedded server beside it, set EMBEDDED_PORT to another port.`
    case 'embedded':
      return `Port ${port} is taken by the embedded server of another couch-shares. Stop that one, or set EMBEDDED_PORT to another port, and EMBEDDED_DATA to another folder.`
    default:
      return `Port ${port} is already in use, so the embedded server cannot listen on it. Set EMBEDDED_PORT to another port.`
  }
}
