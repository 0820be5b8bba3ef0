// `couch-shares rules test <file> <cases.json>`: says of a rules file, as CouchDB would run it, whether it decides as expected.
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { bundleRules, sizeOf } from '../functions/bundle.ts'
import { Engine, type Verdict } from '../functions/validation.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { UsageError } from './command.ts'
import { readCases, type RulesCase } from './rules-cases.ts'

/** Where a command prints. */
type Print = (text: string) => void

const USAGE = 'Expected `couch-shares rules test <file> <cases.json>`'

/**
 * @returns 0 where every case came out as expected, 1 where one did not
 * @throws {UsageError | BundleError | CasesError}
 */
export async function rules(
  args: string[],
  print: Print = (text) => void process.stdout.write(text),
): Promise<ExitCode> {
  const [file, casesFile] = argumentsOf(args)
  const cases = await readCases(casesFile)
  const bundle = await bundleRules(file)
  const engine = new Engine(bundle)
  const outcomes = cases.map((testCase) => ({ testCase, got: run(engine, testCase) }))
  if (outcomes.some(({ got }) => got.verdict === 'error')) await nameErrors(outcomes, file)
  const missed = outcomes.filter(({ testCase, got }) => !isAsExpected(testCase, got)).length
  const table = new Table({ head: ['case', 'expected', 'got', ''], style: { head: [], border: [] } })
  for (const { testCase, got } of outcomes)
    table.push([testCase.name, show(testCase), show(got), isAsExpected(testCase, got) ? '✓' : '✗'])
  print(`${table.toString()}\n`)
  print(`${cases.length - missed} of ${cases.length} as expected; the bundle has ${sizeOf(bundle)} bytes\n`)
  return missed === 0 ? EXIT.ok : EXIT.failure
}

function argumentsOf(args: string[]): [file: string, cases: string] {
  let positionals
  try {
    positionals = parseArgs({ args, allowPositionals: true }).positionals
  } catch {
    throw new UsageError(USAGE)
  }
  const [subcommand, file, cases, ...more] = positionals
  if (subcommand !== 'test' || file === undefined || cases === undefined || more.length > 0)
    throw new UsageError(USAGE)
  return [file, cases]
}

/** Calls the rules as CouchDB does. */
const run = (engine: Engine, { doc, oldDoc, user, security }: RulesCase): Verdict =>
  engine.call([doc, oldDoc, user ?? { db: 'test', name: null, roles: [] }, security])

/** The same mistakes with the names of the source: those of the bundle are single letters. */
async function nameErrors(outcomes: { testCase: RulesCase; got: Verdict }[], file: string): Promise<void> {
  const readable = new Engine(await bundleRules(file, { isReadable: true }))
  for (const outcome of outcomes) {
    if (outcome.got.verdict !== 'error') continue
    const said = run(readable, outcome.testCase)
    if (said.verdict === 'error') outcome.got = said
  }
}

function isAsExpected({ verdict, message }: RulesCase, got: Verdict): boolean {
  if (verdict !== got.verdict) return false
  return message === undefined || ('message' in got && got.message === message)
}

/** A verdict for a cell of the table. */
const show = (shown: { verdict: string; message?: string | undefined }): string =>
  shown.message === undefined ? shown.verdict : `${shown.verdict}: ${shown.message}`
