// What `npm run bench` is told on the command line.
import { parseArgs } from 'node:util'

/** What a benchmark is told. */
export interface BenchOptions {
  /** Small sizes, for a first impression. */
  quick: boolean
  /** What each stage costs is measured too. */
  profile: boolean
  /** In place of the size that a row is called by: objects, users, databases or documents. */
  size: number | null
}

export interface Options extends BenchOptions {
  /** Names of benchmarks; empty: all that are not asked for by name alone. */
  only: string[]
  json: boolean
  /** Files of earlier runs; where there are any, nothing is measured. */
  from: string[]
  /** Files. */
  out: string | null
  svg: string | null
}

/** What is wrong with the command; the program ends with 2. */
export class UsageError extends Error {}

/**
 * @param names of all benchmarks
 * @throws {UsageError}
 */
export function readOptions(args: readonly string[], names: readonly string[]): Options {
  const { only, size, from, out, svg, ...flags } = parse(args, names)
  const chosen = only?.split(',') ?? []
  const unknown = chosen.find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new UsageError(`Expected \`--only\` to be of ${names.join(', ')}, got ${unknown}`)
  if (size !== undefined && !/^[1-9]\d{0,6}$/.test(size))
    throw new UsageError(`Expected \`--size\` to be a whole number from 1 to 9999999, got ${size}`)
  if (size !== undefined && chosen.length !== 1)
    throw new UsageError('Expected `--only` with one name beside `--size`: each has sizes of its own')
  const measured = only ?? size ?? flags.quick ?? flags.profile
  if (from !== undefined && measured !== undefined)
    throw new UsageError('Expected nothing that is to be measured beside `--from`')
  return {
    from: from?.split(',') ?? [],
    only: chosen,
    size: size === undefined ? null : Number(size),
    out: out ?? null,
    svg: svg ?? null,
    quick: flags.quick === true,
    profile: flags.profile === true,
    json: flags.json === true,
  }
}

function parse(args: readonly string[], names: readonly string[]) {
  const flag = { type: 'boolean' } as const
  const text = { type: 'string' } as const
  const [texts, flags] = [
    { only: text, size: text, from: text, out: text, svg: text },
    { quick: flag, profile: flag, json: flag },
  ]
  try {
    return parseArgs({ args: [...args], options: { ...texts, ...flags } }).values
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage(names)}`)
  }
}

const usage = (names: readonly string[]): string =>
  `COUCHDB_URL=http://admin:secret@127.0.0.1:5984 npm run bench -- [options]

  --only NAMES  with commas between them: ${names.join(', ')}
  --size N      beside one name, in place of its own size
  --quick       small sizes, for a first impression
  --profile     what each stage costs: requests, bytes, processor time
  --json        JSON to stdout in place of the table
  --out FILE    JSON to a file as well
  --svg FILE    a chart of the ratios
  --from FILES  measures nothing, and tells what earlier runs wrote by --out, with commas between them
`
