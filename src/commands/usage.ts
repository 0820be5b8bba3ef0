// How the program is used, as a whole and a command at a time; and which command was probably meant.
import { nearest } from '../config/edit-distance.ts'

/** A way to call it, and what that does; the width of a terminal is 120. */
const PARTS: readonly (readonly [call: string, text: string])[] = [
  ['', 'run the daemon; without HOODIE_SERVER against an embedded server, for a first look'],
  ['start', 'the same'],
  ['install', 'put in place what the daemon needs on the server, as its start does, and end'],
  ['health', 'exit 0 where the daemon that listens at OPS_PORT is well'],
  [
    'check [--json]',
    `look at the server and the settings; exit 1 where something is to be put right, and as the daemon
would where that cannot begin`,
  ],
  [
    'status [--json]',
    `say how the daemon stands, shares, subscriptions, users, gateways and replications; exit 1 where
nobody works, a turn or a replication fails, or a gateway is behind`,
  ],
  ['status share <id> [--json]', 'say how a share stands, and who takes part; exit 1 where there is none'],
  [
    'status user <name> [--json]',
    'say what a user has; a name is an account’s, or the {id} of a user database; exit 1 for none',
  ],
  ['status gateway [<database>] [--json]', 'the same as gateway status'],
  [
    'skeleton init <folder>',
    'write the start of a folder for SKELETON, and overwrite nothing; exit 1 where something is there',
  ],
  [
    'skeleton diff',
    'show what rolling the skeleton out would change, and write nothing; exit 1 where it would',
  ],
  [
    'skeleton apply [--warm] [--widen]',
    `roll the skeleton out now; --warm builds the indexes of changed views before; --widen lets a
policy's members into databases that others have, and names each; exit 1 where one is left out`,
  ],
  ['provision <user>', "bring a user's personal database up to date now; exit 1 where something is wrong"],
  ['provision --all', 'the same for all users; exit 1 where one of them failed'],
  [
    'erase <database> <document id> [--dry-run]',
    `take a document of a user database, a master or a gateway out everywhere, old revisions too; exit 1
where something brings it back; --dry-run lists where it is, and writes nothing`,
  ],
  [
    'rules test <file> <cases.json>',
    'run a rules file on cases, as CouchDB would: exit 0 where all came out as expected',
  ],
  [
    'gateway dry-run <database> <file> [--json]',
    `say what a sync function would change, and write nothing; exit 1 where a document would fail or
somebody would lose something`,
  ],
  [
    'gateway status [<database>] [--json]',
    `say how far all documents are evaluated, which fail, and how the users stand; exit 1 where the
evaluation is not done or a document fails`,
  ],
  ['completion bash | zsh | fish', 'print a script by which that shell completes commands: `source <(…)`'],
  ['help [<command>]', 'say this, or of one command what it does'],
  ['--version', ''],
]

/** All ways to call it. */
export const CALLS: readonly string[] = PARTS.map(([call]) => call)

const SETTINGS = 'Settings come from the environment and from .env; .env.example explains them.\n'

const PROGRAM = 'couch-shares'
const INDENT = ' '.repeat(25)
/** Calls that are no longer have their text on the same line. */
const SHORT_CALL = 22

/** What `--help` prints of the commands that begin with these words: of all, where none does or no word is given. */
export function usage([name, subcommand]: readonly string[] = []): string {
  const ofName = PARTS.filter(([call]) => name !== undefined && call.split(' ')[0] === name)
  const ofSubcommand = ofName.filter(([call]) => call.split(' ')[1] === subcommand)
  const parts = ofSubcommand.length > 0 ? ofSubcommand : ofName
  if (parts.length > 0) return parts.map(linesOf).join('')
  return `couch-shares: sharing between the users of a CouchDB\n\n${PARTS.map(linesOf).join('')}\n${SETTINGS}`
}

/** What to type for all that could be typed. @param file that the program was started with: a checkout runs its source, and has no `couch-shares` */
export const sayWhereHelp = (file: string): string =>
  file.endsWith('.ts') ? 'See `npm start -- help`.' : `See \`${PROGRAM} --help\`.`

/** What is said of a word that is no command. */
export function sayUnknownCommand(word: string): string {
  const names = PARTS.map(([call]) => call.split(' ')[0] ?? '').filter((name) => name !== '')
  // Of a short word two other letters are another word.
  const meant = nearest(word, ['--help', ...names], word.length > 4 ? 2 : 1)
  return `Expected a command, got \`${word}\`${meant === null ? '' : `: was \`${meant}\` meant?`}`
}

function linesOf([call, text]: readonly [string, string]): string {
  const line = `  ${`${PROGRAM} ${call}`.trimEnd()}`
  if (text === '') return `${line}\n`
  const [first = '', ...more] = text.split('\n')
  const begin = call.length > SHORT_CALL - PROGRAM.length ? `${line}\n${INDENT}` : line.padEnd(INDENT.length)
  return [begin + first, ...more.map((one) => INDENT + one)].map((one) => `${one}\n`).join('')
}
