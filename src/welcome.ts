// What a newcomer reads after `npm start`: what runs where, and three lines to try.
import type { Config } from './config/config.ts'
import { EMBEDDED_ADMIN } from './config/server.ts'

/** Somebody who pastes all lines at once is faster than the daemon: the last one asks until the copy is there. */
const UNTIL_THERE = 'curl -sSf --retry 20 --retry-delay 1 --retry-all-errors'

/** The text for a daemon that runs against its own embedded server. */
export function welcome(
  { admin, userDatabases, server }: Pick<Config, 'admin' | 'userDatabases' | 'server'>,
  url: string,
): string {
  // This goes where the log goes: only the password that everybody knows is written there.
  const isKnown = admin.pass === EMBEDDED_ADMIN.pass
  const login = `${encodeURIComponent(admin.user)}:${isKnown ? EMBEDDED_ADMIN.pass : 'PASSWORD'}`
  const base = url.replace('://', `://${login}@`)
  const hint = isKnown ? '' : ' PASSWORD stands for that of HOODIE_ADMIN_PASS.'
  const user = `${base}/${encodeURIComponent(userDatabases.database('joe'))}`
  const data =
    server.kind === 'embedded' && server.dataDir !== null
      ? `Its data is in ${server.dataDir}.`
      : 'Its data is in memory only.'
  const example = { name: 'Remember the milk', owner: 'joe@example.com', $shares: { milk: ['name'] } }
  return `
couch-shares is running, with an embedded server at ${url} (no HOODIE_SERVER is set).
${data} It is for a first look; give it a real CouchDB 3.x for real users.

Try it: joe has a database, a share called milk, and an object that shows only its name there.${hint}

  curl -X PUT '${user}'
  curl -X POST '${user}/_bulk_docs' -H 'Content-Type: application/json' -d '${JSON.stringify({
    docs: [
      { _id: '$share/milk', type: '$share' },
      { _id: 'todo/1', ...example },
    ],
  })}'
  ${UNTIL_THERE} '${base}/share%2Fmilk/share%2Fmilk%2Ftodo%2F1'

The log then warns that no account owns joe's database: joe has none yet.

Users with accounts in _users log in there, too; browser apps of this machine reach it. docs/first-steps.md has lines to try
for that.

Stop it with Ctrl-C.

`
}
