// The file of cases for `couch-shares rules test`: writes, and what the rules are to say of them.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { isRecord } from '../documents/shapes.ts'

/** Any JSON object; `__proto__` is kept as the field that it is in JSON. */
const object = z.custom<Record<string, unknown>>(isRecord, 'expected an object')

const user = z.strictObject({
  name: z.string().nullable(),
  roles: z.array(z.string()).default([]),
  db: z.string().default('test'),
})

const testCase = z.strictObject({
  name: z.string().min(1),
  doc: object,
  oldDoc: object.nullable().default(null),
  user: user.nullable().default(null),
  security: object.default({}),
  verdict: z.enum(['ok', 'forbidden', 'unauthorized']),
  message: z.string().optional(),
})

/** One write; `user` is null for anonymous, `message` is undefined where any will do. */
export type RulesCase = z.infer<typeof testCase>

/** A file of cases that cannot be used; the message names the entry at fault. */
export class CasesError extends Error {
  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`)
    this.name = 'CasesError'
  }
}

/** The entry as people count, with its name where it has one: `case 2 "a reader writes"`. */
function entryOf(cases: unknown, index: number): string {
  const name = (Array.isArray(cases) ? (cases[index] as { name?: unknown } | null) : null)?.name
  return `case ${index + 1}${typeof name === 'string' ? ` ${JSON.stringify(name)}` : ''}`
}

/**
 * Reads a JSON array of cases.
 * @throws {CasesError} where the file cannot be read, is no JSON, holds no case, or a case is malformed: all such entries
 */
export async function readCases(path: string): Promise<RulesCase[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CasesError(path, `expected a file that can be read (${error.code ?? error.message})`)
  })
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch (error) {
    throw new CasesError(path, `expected JSON: ${(error as Error).message}`)
  }
  if (!Array.isArray(given) || given.length === 0)
    throw new CasesError(path, 'expected an array of at least one case')
  const parsed = z.array(testCase).safeParse(given)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path: at, message }) => {
    const [index, ...attribute] = at
    const where = attribute.length === 0 ? '' : ` \`${attribute.join('.')}\``
    return `${entryOf(given, Number(index))}:${where} ${message}`
  })
  throw new CasesError(path, `expected cases that are well formed\n${problems.join('\n')}`)
}
