// The server that is measured on.
export interface Server {
  url: string
  user: string
  pass: string
}

/** The server in COUCHDB_URL, or a sentence about what is wrong with it. */
export function readServer(text: string | undefined): Server | string {
  if (!text) return 'Expected `COUCHDB_URL` to be the URL of a CouchDB with its admin, got nothing'
  if (!URL.canParse(text))
    return 'Expected `COUCHDB_URL` to be a URL, like http://admin:secret@127.0.0.1:5984'
  const { origin, pathname, username, password } = new URL(text)
  const user = decodeURIComponent(username) || process.env['HOODIE_ADMIN_USER']
  const pass = decodeURIComponent(password) || process.env['HOODIE_ADMIN_PASS']
  if (!user || !pass)
    return 'Expected `COUCHDB_URL` to hold the name and password of an admin, or `HOODIE_ADMIN_USER` and `HOODIE_ADMIN_PASS` to do so'
  return { url: `${origin}${pathname}`.replace(/\/$/, ''), user, pass }
}
