// What a dry-run says to people: the worst first, and never more than fits; `--json` has all of it.
import type { Change, Group, Report } from '../gateways/function/comparison.ts'
import { LIMITS, somebodyLoses } from '../gateways/function/comparison.ts'
import { counted } from '../documents/counted.ts'
import { shown } from './shown.ts'

/** What `--json` prints. */
export interface DryRun extends Report {
  database: string
  file: string
  /** The function in force; null where there is none, and then all is gained. */
  against: string | null
  /** Where there is none: the file that is not there; null where `SKELETON` names no folder. */
  missing: string | null
}

/** Lines of one kind; the others are counted. */
const MOST_LINES = 20
/** Names on one line. */
const MOST_NAMES = 12

const LIMIT_WORDS: Record<keyof typeof LIMITS, (most: number) => string> = {
  channelsPerDocument: (most) =>
    `documents in more than ${LIMITS.channelsPerDocument} channels, up to ${most}`,
  grantsPerDocument: (most) => `documents with more than ${LIMITS.grantsPerDocument} grants, up to ${most}`,
  grantsPerUser: (most) =>
    `users with more than ${LIMITS.grantsPerUser} channels and roles, up to ${most}: each write pays for them`,
}

/** The report in lines, each with its end. Names are documents' and may hold anything: control characters are shown as such. */
export function textOf(run: DryRun): string {
  const { database, file, against } = run
  const parts = [
    [`${shown(database)}: ${shown(file)} against ${against === null ? nothingOf(run) : shown(against)}`],
    failedLines(run),
    movedLines(run),
    section(
      'users',
      run.users.map(({ name, channels, roles, documents }) => [
        shown(name),
        ...changeLines('channels', channels),
        ...changeLines('roles', roles),
        ...readingLines(documents),
      ]),
    ),
    section(
      'roles',
      run.roles.map(({ name, channels }) => [shown(name), ...changeLines('channels', channels)]),
    ),
    section(
      'everybody else',
      run.everybody.gained + run.everybody.lost > 0 ? [readingLines(run.everybody)] : [],
    ),
    section(
      'warnings',
      run.warnings.map(({ limit, most, ...group }) => [
        `${group.count} ${LIMIT_WORDS[limit](most)}`,
        examplesOf(group),
      ]),
    ),
    [summaryOf(run)],
  ]
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

const nothingOf = ({ missing }: DryRun): string =>
  `nothing, as ${missing === null ? 'SKELETON names no folder' : `there is no ${shown(missing)}`}`

function failedLines({ failed, documents }: Report): string[] {
  if (failed.count === 0) return []
  const groups = failed.groups.map(({ kind, reason, already, ...group }) => [
    `${group.count} × ${kind}: ${shown(reason)}${already === 0 ? '' : ` (${already} of them now, too)`}`,
    examplesOf(group),
  ])
  const unlisted = failed.unlisted === 0 ? [] : [[`${failed.unlisted} for other reasons`]]
  return section(
    `${failed.count} of ${counted(documents, 'document')} ${failed.count === 1 ? 'fails' : 'fail'}`,
    [...groups, ...unlisted],
  )
}

function movedLines({ moved }: Report): string[] {
  const groups = moved.groups.map(({ from, to, ...group }) => [
    `${group.count} × ${channelsOf(from)} → ${channelsOf(to)}`,
    examplesOf(group),
  ])
  return section(`${counted(moved.count, 'document changes', 'documents change')} channels`, groups)
}

/** A heading, and what is under it: the first line of each, and further in the others. Nothing where nothing is there. */
function section(heading: string, items: string[][]): string[] {
  if (items.length === 0) return []
  const lines = items
    .slice(0, MOST_LINES)
    .flatMap(([first = '', ...more]) => [`  ${first}`, ...more.map((line) => `      ${line}`)])
  const left = items.length - MOST_LINES
  return [heading, ...lines, ...(left > 0 ? [`  and ${left} more, with --json`] : [])]
}

const changeLines = (what: string, { gained, lost }: Change): string[] => [
  ...(lost.length > 0 ? [`- ${what} ${listed(lost)}`] : []),
  ...(gained.length > 0 ? [`+ ${what} ${listed(gained)}`] : []),
]

const readingLines = ({ gained, lost }: { gained: number; lost: number }): string[] => [
  ...(lost > 0 ? [`- reads ${counted(lost, 'document')} no more`] : []),
  ...(gained > 0 ? [`+ reads ${counted(gained, 'more document')}`] : []),
]

const examplesOf = ({ count, examples }: Group): string =>
  `${examples.map(shown).join(', ')}${count > examples.length ? ', …' : ''}`

const channelsOf = (channels: string[] | null): string =>
  channels === null ? 'nowhere' : channels.length === 0 ? 'no channel' : listed(channels)

function listed(names: readonly string[]): string {
  const left = names.length - MOST_NAMES
  return `${names.slice(0, MOST_NAMES).map(shown).join(', ')}${left > 0 ? ` and ${left} more` : ''}`
}

function summaryOf(run: DryRun): string {
  const { channels, users, roles, grants } = run.totals
  const verdict = `${run.failed.count === 0 ? 'nothing' : 'something'} fails; ${lossesOf(run)}`
  return `documents ${run.documents}, failed ${run.failed.count}, channels ${channels}, users ${users}, roles ${roles}, grants ${grants}: ${verdict}`
}

function lossesOf(run: DryRun): string {
  if (run.against === null) return 'there is no function in force to compare with'
  return somebodyLoses(run) ? 'somebody loses something' : 'nobody loses anything'
}
